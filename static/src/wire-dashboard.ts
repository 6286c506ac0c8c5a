// Types of the dashboard: what there is to see and do, and what its socket says.
import type { Time } from './wire'
import type { LimitUses } from './wire-limits'

export type Cell = number | string | null
export interface Figure {
  key: string
  label: string
  unit: string
  group: string
  chart: boolean
}
// Where there are acts, each row has one cell more: the thing's name for them, or null.
export interface Panel {
  key: string
  title: string
  columns: string[]
  empty: string
  acts: string[]
}
export interface Act {
  key: string
  label: string
  ask: string
  wants: string // the label of a text that goes with it
}
export interface Announcement {
  id: number
  text: string
  at: Time
}
export interface Sample {
  at: Time
  figures: Record<string, Cell>
  panels: Record<string, Cell[][] | null> // null: cannot be read now
  limits?: LimitUses | null // absent: as before
}
export interface Shown {
  figures: Figure[]
  panels: Panel[]
  acts: Act[]
  now: Sample
  announcement: Announcement | null
}
export type Said = { kind: 'history'; samples: Pick<Sample, 'at' | 'figures'>[] } | ({ kind: 'sample' } & Sample)

export type Span = 'hour' | 'day' | 'month'
export type By = 'all' | 'team' | 'person' | 'model' | 'kind'
export interface Series {
  name: string
  calls: number[]
  errors: number[]
  read: number[]
  written: number[]
  cost: number[]
}
export interface History {
  times: Time[]
  series: Series[]
  accepted: number[] // hunks
  rejected: number[]
}
export interface Finding {
  name: string
  state: 'ok' | 'warn' | 'fail'
  finding: string
  advice: string
}

// An entry of the audit log, as it is exported.
export interface AuditEntry {
  seq: number
  at: string
  act: string
  actor_id: number | null
  actor: string
  behalf: string
  team: string
  thing: string
  place: string
  detail: Record<string, unknown>
  previous: string
  hash: string
}

export interface AuditPage {
  entries: AuditEntry[]
  more: boolean
}

export interface AuditVerdict {
  checked: number
  wrong: string[]
}
