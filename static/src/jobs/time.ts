// Time as people read it, and a clock that only ticks while something on the screen looks at it.
import { signal } from '@preact/signals'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Seconds as 0:07, 1:12, 62:03 → 1:02:03. Never negative: clocks of server and browser may differ. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE), whole % MINUTE]
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** How long something has run at `at` (ms since 1970); null before it started. */
export function elapsed(started: string | null, ended: string | null, at: number): number | null {
  if (!started) return null
  return Math.max(0, ((ended ? Date.parse(ended) : at) - Date.parse(started)) / 1000)
}

/** A short duration with its unit: 0.4 s, 12 s, 3:40. */
export function brief(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  return seconds < MINUTE ? `${Math.round(seconds)} s` : clock(seconds)
}

export type Ago = { unit: 'now' | 'minutes' | 'hours' | 'yesterday' | 'days'; n: number } | { unit: 'date'; at: Date }

/** How long ago, in the unit a person would choose. */
export function ago(time: string, at: number): Ago {
  const seconds = (at - Date.parse(time)) / 1000
  if (!(seconds >= MINUTE)) return { unit: 'now', n: 0 }
  if (seconds < HOUR) return { unit: 'minutes', n: Math.floor(seconds / MINUTE) }
  if (seconds < DAY) return { unit: 'hours', n: Math.floor(seconds / HOUR) }
  const days = Math.floor(seconds / DAY)
  if (days < 2) return { unit: 'yesterday', n: 1 }
  return days < 14 ? { unit: 'days', n: days } : { unit: 'date', at: new Date(time) }
}

let ticking: ReturnType<typeof setInterval> | undefined

/** The time now, in ms, once a second while anything reads it. */
export const now = signal(Date.now(), {
  watched() {
    now.value = Date.now()
    ticking = setInterval(() => {
      now.value = Date.now()
    }, 1000)
  },
  unwatched() {
    clearInterval(ticking)
  },
})
