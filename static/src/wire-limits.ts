// Types of limits: as they are set, and as they hold for somebody.
import type { Time } from './wire'

export type Pool = 'fast' | 'deep'
export type LimitOf = 'site' | 'team' | 'person' | 'endpoint' | 'job'
export type LimitKind = 'turn' | 'inline' | 'ghost' | 'job'
export type LimitMeasure = 'tokens' | 'dollars' | 'requests' | 'calls'
export type LimitSpan = '' | 'minute' | 'day' | 'month' | 'ever'

export interface Limit {
  key: string // of its place: its use is under it
  of: LimitOf
  team: { id: string; name: string } | null
  person: { login: string; name: string } | null
  endpoint: number | null
  pool: Pool | ''
  kind: LimitKind | ''
  measure: LimitMeasure
  span: LimitSpan
  amount: number | null // none: no limit
  default: boolean // nobody has set it
}
// What is used of each limit now, pool by pool; of one for each person (team, model, job), by who has used most of it.
export interface LimitUse {
  pool: Pool | ''
  who: string // empty: the one it is for
  used: number
  reserved: number // beside what is used: what calls that run may still use
  met: number // how many have reached it
}
export interface LimitUses {
  set: string // changes with what is set
  frees: Partial<Record<LimitSpan, Time>>
  uses: Record<string, LimitUse[]> // by the limit's key; none: nothing is used
}
/** Whom a limit may name. */
export interface LimitSubjects {
  teams: { id: string; name: string }[]
  people: { login: string; name: string }[]
  models: { id: number; name: string }[]
}
// What holds for the person who asks; `used` null: counted by the minute, not told.
export interface Held {
  of: LimitOf
  by: 'site' | 'team'
  pool: Pool
  kind: LimitKind | ''
  measure: LimitMeasure
  span: LimitSpan
  amount: number
  used: number | null
  frees_at: Time | null
}
export interface Limits {
  holding: Held[]
  own: Limit[]
  may_change: boolean
}
// In the note of a turn that has met one.
export interface LimitMet {
  of: LimitOf
  measure: LimitMeasure
  span: LimitSpan
  amount: number
  pool: Pool | ''
  kind: LimitKind | ''
  frees_at: Time | null
}
