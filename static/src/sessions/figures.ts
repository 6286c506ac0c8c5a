// What is known of how a turn ran.
import { words } from '../ui/words/sessions'
import type { Turn } from '../wire'

/** First token, speed, and of an ended turn tokens and cost: what is known of them. */
export function figures(turn: Turn): string {
  const known: string[] = []
  if (turn.ttft_ms !== null) known.push(words.firstToken(turn.ttft_ms))
  if (turn.tokens_per_s) known.push(words.speed(turn.tokens_per_s))
  if (turn.state !== 'running' && turn.output_tokens > 0) {
    known.push(words.turnTokens(turn.input_tokens, turn.output_tokens))
    if (turn.cost !== null) known.push(words.money(turn.cost))
  }
  return known.join(' · ')
}

export const PLACES = ['provider', 'server', 'tools', 'waiting', 'wire', 'paint'] as const
export type Place = (typeof PLACES)[number]
export interface Spent {
  place: Place
  ms: number
  share: number // of all, 0 to 1
}
/** What the browser measured of a turn: its round trip, and from arrival to frame. */
export interface Felt {
  wire?: number
  paint?: number
}

/** Where the time of a turn went, in the order of PLACES; nothing where the host has not measured it. */
export function spent(turn: Turn, felt: Felt): Spent[] {
  const known = { ...turn.times, ...felt }
  const list = PLACES.map((place) => ({ place, ms: known[place] ?? 0 })).filter((one) => one.ms > 0)
  const all = list.reduce((sum, one) => sum + one.ms, 0)
  if (Object.keys(turn.times).length === 0) return []
  return list.map((one) => ({ ...one, share: one.ms / all }))
}
