// Web Push in this browser: asked for only after a click, told to the server, taken back.
import { del, post, Refusal } from '../net/http'
import { words } from '../ui/words/notices'
import type { NoticeSettings } from '../wire'
import { go } from '../workspace/route'

const WORKER = '/push-worker.js'

export const can = () => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

async function current(): Promise<PushSubscription | null> {
  if (!can()) return null
  const registration = await navigator.serviceWorker.getRegistration('/')
  return (await registration?.pushManager.getSubscription()) ?? null
}

export async function subscribed(): Promise<boolean> {
  return (await current()) !== null && Notification.permission === 'granted'
}

/** Returns what went wrong, in words; '' where nothing did. */
export async function subscribe(key: string): Promise<string> {
  if ((await Notification.requestPermission()) !== 'granted') return words.denied
  try {
    await navigator.serviceWorker.register(WORKER, { scope: '/', updateViaCache: 'none' })
    const registration = await navigator.serviceWorker.ready
    await (await registration.pushManager.getSubscription())?.unsubscribe() // it may be bound to another key
    const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) })
    await tell(made)
    return ''
  } catch (error) {
    if (error instanceof Refusal) return `${error.problem.message} ${error.problem.do}`.trim()
    return words.unreachable
  }
}

export async function unsubscribe(settings: NoticeSettings): Promise<string> {
  const here = settings.browsers.find((one) => one.here)
  try {
    await (await current())?.unsubscribe()
    if (here) await del(`/me/notices/browsers/${here.id}`)
    return ''
  } catch (error) {
    return error instanceof Refusal ? error.problem.message : words.unreachable
  }
}

/** A browser that is subscribed says so again at each visit: it may have another sign-in or address by now. */
export async function refresh(): Promise<void> {
  if (!can()) return
  navigator.serviceWorker.addEventListener('message', (event: MessageEvent) => {
    const url = (event.data as { open?: unknown } | null)?.open
    if (typeof url === 'string' && url.startsWith('/') && !url.startsWith('//')) go(url)
  })
  const known = await current()
  if (known && Notification.permission === 'granted') await tell(known).catch(() => undefined)
}

async function tell(made: PushSubscription): Promise<void> {
  const { endpoint, keys } = made.toJSON()
  await post('/me/notices/browsers', { endpoint, p256dh: keys?.p256dh, auth: keys?.auth, name: browserName() })
}

/** What people call it: "Firefox on Linux". */
export function browserName(agent: string = navigator.userAgent): string {
  const of = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(agent))?.[1] ?? ''
  const name = of([
    [/Edg\//, 'Edge'],
    [/OPR\//, 'Opera'],
    [/Firefox\//, 'Firefox'],
    [/Chrom(e|ium)\//, 'Chromium'],
    [/Safari\//, 'Safari'],
  ])
  const system = of([
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Windows/, 'Windows'],
    [/Mac OS/, 'macOS'],
    [/Linux/, 'Linux'],
  ])
  return [name || 'A browser', system && `on ${system}`].filter(Boolean).join(' ')
}

function bytes(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0))
}
