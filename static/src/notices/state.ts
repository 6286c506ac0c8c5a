// What this person was told: read from the server when it says so, and once a minute, for a hint may be lost.
import { effect, signal, untracked } from '@preact/signals'
import { get, post, Refusal } from '../net/http'
import { toast } from '../ui/toast'
import { words } from '../ui/words/notices'
import type { Notices, Told } from '../wire'
import { go, route } from '../workspace/route'

const POLL = 60_000 // ms

export const told = signal<Notices | null>(null)

/** Those of `after` that are new and unread; none the first time, when everything would be. */
export function fresh(before: Notices | null, after: Notices): Told[] {
  if (!before) return []
  const known = new Set(before.notices.map((one) => one.id))
  const newest = before.notices[0]?.created_at ?? ''
  return after.notices.filter((one) => !one.read && !known.has(one.id) && one.created_at >= newest)
}

const toasts = new Map<string, () => void>() // by notice: how to take it away

/** Those a person is looking at the place of: a job's review, or the job. */
export function seen(all: Notices | null, path: string): string[] {
  return all?.notices.filter((one) => !one.read && one.url === path).map((one) => one.id) ?? []
}

/** What the server said last: new ones are shown in a corner, unless one is where they point. */
export function take(answer: Notices) {
  for (const { id, read } of answer.notices) if (read) hide(id)
  for (const one of fresh(told.peek(), answer).slice(0, 3).reverse()) {
    if (one.url !== location.pathname)
      toasts.set(
        one.id,
        toast([one.title, one.body].filter(Boolean).join(': '), one.kind === 'failed' ? 'warn' : 'info', {
          label: words.show,
          run: () => follow(one),
        }),
      )
  }
  told.value = answer
}

function hide(id: string) {
  toasts.get(id)?.()
  toasts.delete(id)
}

let asking: Promise<void> | null = null
let again = false

/** Ask the server. It keeps what it has where there is no answer. */
export function look(): Promise<void> {
  again = asking !== null
  asking ??= get<Notices>('/me/notices')
    .then(take)
    .catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
    })
    .finally(() => {
      asking = null
      if (again) void look()
    })
  return asking
}

export async function markRead(ids: string[] = []): Promise<void> {
  const wanted = new Set(ids)
  const now = told.peek()
  if (now) {
    const notices = now.notices.map((one) => (!ids.length || wanted.has(one.id) ? { ...one, read: true } : one))
    told.value = { notices, unread: ids.length ? notices.filter((one) => !one.read).length : 0 }
  }
  take(await post<Notices>('/me/notices/read', { ids }))
}

/** Go where it points, as read. */
export function follow(one: Pick<Told, 'id' | 'url' | 'read'>) {
  if (!one.read) void markRead([one.id]).catch(() => look())
  go(one.url)
}

// What one has come to the place of is read; it is not said in a corner of that place.
effect(() => {
  void route.value
  const ids = document.visibilityState === 'visible' ? seen(told.value, location.pathname) : []
  if (!ids.length) return
  ids.forEach(hide)
  untracked(() => void markRead(ids).catch(() => undefined)) // it is tried again with the next look
})

// A page that is looked at asks at once, then once a minute; one in the background only hears events.
function whenSeen() {
  if (document.visibilityState === 'visible') void look()
}
if (typeof window !== 'undefined') {
  setInterval(whenSeen, POLL)
  document.addEventListener('visibilitychange', whenSeen)
}
