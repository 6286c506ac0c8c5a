// A document's timeline as it is shown: pages put together, grouped by day. Pure but for fetching.
import { get } from '../net/http'
import { history as words } from '../ui/words/past'
import type { Id, OldText, VersionRow } from '../wire'

export interface Day {
  key: string
  label: string
  rows: VersionRow[]
}

interface Page {
  versions: VersionRow[]
  more: boolean
}

const at = (workspace: Id, document: Id) => `/workspaces/${workspace}/documents/${document}`

/** Rows older than `oldest`, or the newest. Rows are counted anew in each epoch. */
export const page = (workspace: Id, document: Id, oldest?: VersionRow) =>
  get<Page>(
    `${at(workspace, document)}/history?limit=50${oldest ? `&before=${oldest.last_seq}&epoch=${oldest.epoch}` : ''}`,
  )

/** The text of a row. One with a note has a text of its own. */
export const textOf = (workspace: Id, document: Id, row: VersionRow) =>
  get<OldText>(`${at(workspace, document)}/history/${row.epoch}/${row.last_seq}${row.note ? `?version=${row.id}` : ''}`)

/** The newest page laid over what is known: rows grow while people write, older pages stay. */
export function met(known: readonly VersionRow[], newest: readonly VersionRow[]): VersionRow[] {
  const fresh = new Set(newest.map((row) => row.id))
  const oldest = newest.at(-1)
  const older = known.filter((row) => !fresh.has(row.id) && (!oldest || before(row, oldest)))
  return [...newest, ...older]
}

const before = (a: VersionRow, b: VersionRow) =>
  a.epoch < b.epoch || (a.epoch === b.epoch && (a.last_seq < b.last_seq || (a.last_seq === b.last_seq && a.id < b.id)))

/** Rows by the day they ended on, as they come (newest first). */
export function byDay(rows: readonly VersionRow[], now: Date): Day[] {
  const days: Day[] = []
  for (const row of rows) {
    const when = new Date(row.ended_at)
    const key = dayOf(when)
    const last = days.at(-1)
    if (last?.key === key) last.rows.push(row)
    else days.push({ key, label: labelOf(when, now), rows: [row] })
  }
  return days
}

const dayOf = (at: Date) => `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`

function labelOf(at: Date, now: Date): string {
  if (dayOf(at) === dayOf(now)) return words.today
  const before = new Date(now)
  before.setDate(before.getDate() - 1)
  return dayOf(at) === dayOf(before) ? words.yesterday : words.day(at)
}
