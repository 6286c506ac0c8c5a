// The board: which column a job is in, which jobs are shown. Pure.
import type { Id, Job, JobState } from '../../wire'

export type Column = 'queued' | 'planning' | 'running' | 'waiting' | 'review' | 'done'
export type Which = 'all' | 'mine' | 'session'

export const COLUMNS: readonly Column[] = ['queued', 'planning', 'running', 'waiting', 'review', 'done']

export function columnOf(state: JobState): Column {
  return state === 'merged' || state === 'discarded' || state === 'failed' || state === 'cancelled' ? 'done' : state
}

export interface Filter {
  which: Which
  text: string
  me: number
  session: Id | null
}

/** Jobs that pass; sub-agents stand in their parent, unless they ask something. */
export function filtered(all: Iterable<Job>, { which, text, me, session }: Filter): Job[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean)
  return [...all].filter((job) => {
    if (job.parent && job.state !== 'waiting') return false
    if (which === 'mine' && job.owner?.id !== me) return false
    if (which === 'session' && (!session || job.session !== session)) return false
    const said = `${job.instruction} ${job.owner?.name ?? ''} ${job.phase}`.toLowerCase()
    return wanted.every((word) => said.includes(word))
  })
}

/** In the order people look at a column: who is next in the queue first; else what moved last. */
export function columns(jobs: readonly Job[]): Record<Column, Job[]> {
  const found = Object.fromEntries(COLUMNS.map((name) => [name, [] as Job[]])) as Record<Column, Job[]>
  for (const job of jobs) found[columnOf(job.state)].push(job)
  const time = (job: Job) => job.ended_at ?? job.started_at ?? job.created_at
  for (const name of COLUMNS) {
    if (name === 'queued') found[name].sort((a, b) => (a.queue_place ?? 1e9) - (b.queue_place ?? 1e9) || order(a, b))
    else found[name].sort((a, b) => time(b).localeCompare(time(a)) || order(a, b))
  }
  return found
}

const order = (a: Job, b: Job) => a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id)

export type Step = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight' | 'Home' | 'End'

/** The job an arrow key leads to from `id`; sideways to the same height in the next column that has any. */
export function stepOf(shown: readonly (readonly Id[])[], id: Id, key: Step): Id {
  const at = shown.findIndex((column) => column.includes(id))
  const column = shown[at] ?? []
  const height = column.indexOf(id)
  if (key === 'Home') return column[0] ?? id
  if (key === 'End') return column.at(-1) ?? id
  if (key === 'ArrowUp') return column[height - 1] ?? id
  if (key === 'ArrowDown') return column[height + 1] ?? id
  const by = key === 'ArrowLeft' ? -1 : 1
  for (let next = at + by; next >= 0 && next < shown.length; next += by) {
    const there = shown[next] ?? []
    if (there.length) return there[Math.min(height, there.length - 1)] ?? id
  }
  return id
}
