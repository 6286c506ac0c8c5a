// What the browser knows of jobs: a pure fold of the snapshot and the events after it, then the signals that hold it.
// Law (tested): the snapshot taken early plus the events since equals the snapshot taken late.
import { computed, effect, type Signal, signal } from '@preact/signals'
import type { Event, Id, Job, JobDetail, JobEvent, JobState, JobStep, Role } from '../wire'
import { live } from '../workspace/live'

export type Jobs = ReadonlyMap<Id, Job>

export function fromSnapshot(list: readonly Job[]): Jobs {
  return new Map(list.map((job) => [job.id, job]))
}

/** The map after the event; the same map if the event says nothing about a job. */
export function apply(map: Jobs, event: Event): Jobs {
  return event.type === 'job' ? put(map, event.job) : map
}

export function put(map: Jobs, job: Job): Jobs {
  return new Map(map).set(job.id, job)
}

/** Take an HTTP answer, unless an event overtook it: the socket's word is newer than the answer to a request begun before. */
export function settle(map: Jobs, before: Job | undefined, answer: Job): Jobs {
  return map.get(answer.id) === before ? put(map, answer) : map
}

// --- one job in depth ----------------------------------------------------------------------------------------------

/** The detail after the event; the same object if the event is about something else. Events it already has are dropped. */
export function applyDetail(detail: JobDetail, event: Event): JobDetail {
  if (event.type === 'job' && event.job.id === detail.id) return { ...detail, ...event.job }
  if (event.type !== 'job.event' || event.job !== detail.id) return detail
  if (detail.events.some((known) => known.id === event.event.id)) return detail
  const events = [...detail.events, event.event].sort((a, b) => a.id - b.id)
  const step = stepOf(event.event)
  return { ...detail, events, steps: step ? withStep(detail.steps, step) : detail.steps }
}

/** The step an event of kind `step` carries, or null if it carries none that can be placed. */
export function stepOf(event: JobEvent): JobStep | null {
  const { position, name, state, error, seconds } = event.data
  if (event.kind !== 'step' || typeof position !== 'number') return null
  if (state !== 'planned' && state !== 'started' && state !== 'done' && state !== 'failed') return null
  return {
    position,
    name: typeof name === 'string' ? name : '',
    state,
    error: typeof error === 'string' ? error : '',
    seconds: typeof seconds === 'number' ? seconds : null,
  }
}

function withStep(steps: JobStep[], step: JobStep): JobStep[] {
  const known = steps.find((one) => one.position === step.position)
  const next = { ...step, name: step.name || (known?.name ?? '') }
  return [...steps.filter((one) => one.position !== step.position), next].sort((a, b) => a.position - b.position)
}

// --- questions -----------------------------------------------------------------------------------------------------

export type Group = 'active' | 'review' | 'failed' | 'past'

export function groupOf(state: JobState): Group {
  if (state === 'queued' || state === 'planning' || state === 'running' || state === 'waiting') return 'active'
  if (state === 'review') return 'review'
  return state === 'failed' ? 'failed' : 'past'
}

const ORDER: Group[] = ['active', 'review', 'failed', 'past']

/** Jobs as people look for them: at work, then waiting for review, then failed, then done with; the newest first. */
export function ordered(map: Jobs): Job[] {
  const own = [...map.values()].filter((job) => !job.parent || job.state === 'waiting') // others stand in their parent
  return own.sort(
    (a, b) =>
      ORDER.indexOf(groupOf(a.state)) - ORDER.indexOf(groupOf(b.state)) ||
      b.created_at.localeCompare(a.created_at) ||
      a.id.localeCompare(b.id),
  )
}

export function grouped(map: Jobs): { group: Group; jobs: Job[] }[] {
  const all = ordered(map)
  return ORDER.map((group) => ({ group, jobs: all.filter((job) => groupOf(job.state) === group) })).filter(
    ({ jobs }) => jobs.length > 0,
  )
}

export interface Counts {
  active: number
  review: number
  failed: number
  /** Of the active ones: those that wait for somebody. */
  waiting: number
  /** What the rail's badge shows: at work and waiting for a person. */
  badge: number
}

export function count(map: Jobs): Counts {
  const of = (group: Group) => [...map.values()].filter((job) => !job.parent && groupOf(job.state) === group).length
  const [active, review, failed] = [of('active'), of('review'), of('failed')]
  const waiting = [...map.values()].filter((job) => job.state === 'waiting').length
  return { active, review, failed, waiting, badge: active + review }
}

/** Whether a role may delegate, stop, retry and merge (the server asks again). */
export function mayDelegate(role: Role): boolean {
  return role === 'owner' || role === 'maintainer' || role === 'editor'
}

/** What may be done with a job as it stands. */
export function acts(job: Job) {
  const review = job.state === 'review'
  const held = job.state === 'planning' || job.state === 'running'
  const active = groupOf(job.state) === 'active'
  return {
    stop: active,
    pause: !job.pausing && (job.state === 'queued' || held),
    resume: job.state === 'waiting' || (held && job.pausing),
    steer: (active || review) && job.kind === 'agent',
    retry: job.state === 'failed' || job.state === 'cancelled' || (review && job.failed > 0),
    review,
    /** It is over: its result is looked at, where it has come to one. */
    show: (job.state === 'merged' || job.state === 'discarded') && job.files > 0,
  }
}

// --- the live side -------------------------------------------------------------------------------------------------

export const jobs: Signal<Jobs> = signal(new Map())
export const counts = computed(() => count(jobs.value))

/** Keep `jobs` in step with the open workspace. Runs for the life of the page. */
effect(() => {
  const now = live.value
  if (!now) {
    jobs.value = new Map()
    return
  }
  const stop = now.on((event) => {
    jobs.value = apply(jobs.peek(), event)
  })
  const unread = effect(() => {
    const snapshot = now.snapshot.value
    if (snapshot) jobs.value = fromSnapshot(snapshot.jobs)
  })
  return () => {
    stop()
    unread()
  }
})
