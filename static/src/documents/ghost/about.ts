// Whether suggestions are asked for: what the person wants, who answers, how fast, and why not.
import { effect, signal } from '@preact/signals'
import { mayTurn } from '../../sessions/mode'
import { toast } from '../../ui/toast'
import { ghost as words } from '../../ui/words/editing'
import type { Suggester } from '../../wire'
import { type Command, registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import { trouble } from './ghost'

export const SLOW_MS = 600 // half of the answers take longer: they come behind what is typed
const AGAIN_MS = 60_000 // after answers that failed
const SLOW_AGAIN_MS = 610_000 // the host forgets then how slow it was
const FAILURES = 3
const KEY = 'tandem.ghost'

export type Wish = 'on' | 'off' | 'always'
const kept = localStorage.getItem(KEY)
export const wish = signal<Wish>(kept === 'off' || kept === 'always' ? kept : 'on')
effect(() => localStorage.setItem(KEY, wish.value))

const UNKNOWN: Suggester = { endpoint: null, ms: null, why: '' }
export const about = signal<Suggester>(UNKNOWN)
export const pace = signal<number | null>(null) // of the endpoint, in milliseconds
const failing = signal<{ n: number; why: string; until: number }>({ n: 0, why: '', until: 0 })

export const slow = (ms: number | null, wanted: Wish) => wanted !== 'always' && ms !== null && ms > SLOW_MS

/** Whether the next pause in typing may ask. */
export function wanted(): boolean {
  return (
    wish.peek() !== 'off' &&
    about.peek().endpoint !== null &&
    !slow(pace.peek(), wish.peek()) &&
    failing.peek().until < Date.now()
  )
}

/** How long to wait after a key: the slower the answers, the fewer of them should be in vain. */
export const patience = (ms: number | null) => Math.min(250, Math.max(60, (ms ?? 240) / 2))

export function answered(ms: number | null): void {
  pace.value = ms
  if (failing.peek().n) failing.value = { n: 0, why: '', until: 0 }
}

/** After a few in a row there is a pause. */
export function failed(why: string): void {
  const n = failing.peek().n + 1
  failing.value = { n, why, until: n >= FAILURES ? Date.now() + AGAIN_MS : 0 }
}

async function look(now: Live): Promise<void> {
  const found = await now.call('ghost.about', {}).catch(() => UNKNOWN)
  if (live.peek() !== now) return
  about.value = found
  pace.value = found.ms
}

const mayAsk = (now: Live) => mayTurn(now.role.value)

// Asked when the workspace is joined, and again when its models change.
effect(() => {
  const now = live.value
  about.value = UNKNOWN
  pace.value = null
  if (!now) return
  const stop = effect(() => {
    if (now.connection.value === 'live' && now.models.value && mayAsk(now)) void look(now)
  })
  return stop
})

// One that was too slow may be faster later.
effect(() => {
  const now = live.value
  if (!now || !slow(pace.value, wish.value)) return
  const timer = setTimeout(() => void look(now), SLOW_AGAIN_MS)
  return () => clearTimeout(timer)
})

effect(() => {
  const { n, why, until } = failing.value
  const ms = pace.value
  const here = about.value.endpoint !== null && wish.value !== 'off'
  if (here && n >= FAILURES && until > Date.now()) {
    const act = () => {
      failing.value = { n: 0, why: '', until: 0 }
    }
    trouble.value = { text: words.failed, title: words.failedWhy(why), act }
  } else if (here && ms !== null && slow(ms, wish.value)) {
    trouble.value = { text: words.slow, title: words.slowWhy(ms), act: () => change('always') }
  } else trouble.value = null
})

export function change(to: Wish): void {
  wish.value = to
  toast(to === 'off' ? words.isOff : to === 'always' ? words.isOnSlow : words.isOn)
}

/** What the command does now, in its title. */
export function toggle(): { title: string; run: () => void } {
  const { endpoint, why } = about.peek()
  if (endpoint === null) return { title: words.none, run: () => toast(words.noneWhy(why), 'warn') }
  if (wish.peek() === 'off') return { title: words.turnOn, run: () => change('on') }
  const ms = pace.peek()
  if (ms !== null && slow(ms, wish.peek())) return { title: words.turnOnSlow(ms), run: () => change('always') }
  return { title: words.turnOff, run: () => change('off') }
}

const command: Command = {
  id: 'ghost.toggle',
  get title() {
    return toggle().title
  },
  when: () => live.peek() !== null,
  run: () => {
    const now = live.peek()
    // The rules may have changed since: asked again before the reason is told.
    if (now && about.peek().endpoint === null) void look(now).then(() => toggle().run())
    else toggle().run()
  },
}
registerCommand(command)
