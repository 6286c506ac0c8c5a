import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acts, apply, applyDetail, count, fromSnapshot, grouped, mayDelegate, ordered, settle } from '../src/jobs/state'
import type { Event, Job, JobDetail, JobState } from '../src/wire'

const STATES: JobState[] = ['queued', 'running', 'review', 'merged', 'discarded', 'failed', 'cancelled']

function job(part: Partial<Job> = {}): Job {
  return {
    id: 'a',
    kind: 'map',
    state: 'running',
    instruction: 'Add docstrings',
    paths: [],
    owner: null,
    endpoint: 'fast',
    builtin: false,
    question: '',
    pausing: false,
    budget: {},
    worked_seconds: 0,
    cost: 0,
    phase: '',
    done: 0,
    total: 0,
    failed: 0,
    input_tokens: 0,
    output_tokens: 0,
    error: '',
    created_at: '2026-11-22T18:00:00Z',
    started_at: null,
    ended_at: null,
    added: 0,
    removed: 0,
    files: 0,
    ...part,
  }
}

const anyJob = fc
  .record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    state: fc.constantFrom(...STATES),
    done: fc.nat(9),
    created_at: fc.constantFrom('2026-11-22T18:00:00Z', '2026-11-22T18:00:01Z', '2026-11-22T18:00:02Z'),
  })
  .map((part) => job(part))
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  anyJob.map((one): Event => ({ type: 'job', job: one })),
  fc.constant<Event>({ type: 'files.changed', paths: [] }),
)

describe('jobs', () => {
  it('are the same from an early snapshot with its events as from a late snapshot', () => {
    fc.assert(
      fc.property(fc.array(anyJob), fc.array(anyEvent), fc.nat(), (early, events, cut) => {
        const at = events.length ? cut % events.length : 0
        const whole = events.reduce(apply, fromSnapshot(early))
        const late = fromSnapshot([...events.slice(0, at).reduce(apply, fromSnapshot(early)).values()])
        expect(events.slice(at).reduce(apply, late)).toEqual(whole)
      }),
    )
  })

  it('stay the same object when an event is about something else', () => {
    const map = fromSnapshot([job()])
    expect(apply(map, { type: 'people', people: [] })).toBe(map)
  })

  it('never let an older answer replace what an event has said since', () => {
    const before = job()
    const map = fromSnapshot([before])
    const overtaken = apply(map, { type: 'job', job: job({ state: 'review' }) })
    expect(settle(overtaken, before, job({ state: 'running' })).get('a')?.state).toBe('review')
    expect(settle(map, before, job({ state: 'cancelled' })).get('a')?.state).toBe('cancelled')
  })

  it('are listed at work first, then for review, failed, past; the newest first', () => {
    const list = [
      job({ id: 'merged', state: 'merged' }),
      job({ id: 'failed', state: 'failed' }),
      job({ id: 'old', state: 'running' }),
      job({ id: 'new', state: 'queued', created_at: '2026-11-22T19:00:00Z' }),
      job({ id: 'review', state: 'review' }),
    ]
    expect(ordered(fromSnapshot(list)).map((one) => one.id)).toEqual(['new', 'old', 'review', 'failed', 'merged'])
    expect(grouped(fromSnapshot(list)).map((one) => one.group)).toEqual(['active', 'review', 'failed', 'past'])
    expect(count(fromSnapshot(list))).toEqual({ active: 2, review: 1, failed: 1, waiting: 0, badge: 3 })
  })
})

describe('what may be done', () => {
  const possible = (part: Partial<Job>) => Object.entries(acts(job(part))).flatMap(([name, may]) => (may ? [name] : []))
  it.each([
    ['queued', ['stop', 'pause', 'steer']],
    ['running', ['stop', 'pause', 'steer']],
    ['waiting', ['stop', 'resume', 'steer']],
    ['review', ['steer', 'review']],
    ['failed', ['retry']],
    ['cancelled', ['retry']],
    ['discarded', []],
  ] as const)('follows the state %s', (state, expected) => {
    expect(possible({ state, kind: 'agent' })).toEqual(expected)
  })

  it('cannot steer the items of a map at work, and can take a pause back', () => {
    expect(possible({ state: 'running', kind: 'map' })).toEqual(['stop', 'pause'])
    expect(possible({ state: 'running', kind: 'agent', pausing: true })).toEqual(['stop', 'resume', 'steer'])
  })

  it('offers a retry of the failed items of a job that waits for review', () => {
    expect(acts(job({ state: 'review', failed: 2 })).retry).toBe(true)
  })

  it('is for editors and above', () => {
    expect((['owner', 'maintainer', 'editor', 'commenter', 'viewer'] as const).filter(mayDelegate)).toEqual([
      'owner',
      'maintainer',
      'editor',
    ])
  })
})

describe('one job in depth', () => {
  const detail: JobDetail = { ...job(), steps: [], events: [] }
  const said = (id: number, kind: string, data: Record<string, unknown>, of = 'a'): Event => ({
    type: 'job.event',
    job: of,
    event: { id, kind, data, created_at: '2026-11-22T18:00:00Z' },
  })

  it('takes each event once, in order of its number', () => {
    const events = [said(3, 'log', { text: 'c' }), said(1, 'log', { text: 'a' }), said(3, 'log', { text: 'c' })]
    expect(events.reduce(applyDetail, detail).events.map((one) => one.id)).toEqual([1, 3])
  })

  it('moves a step as its events say, and keeps the name it has', () => {
    const planned = said(1, 'step', { position: 0, name: 'app.py: total', state: 'planned' })
    const done = said(2, 'step', { position: 0, state: 'done', seconds: 1.5 })
    const { steps } = [planned, done].reduce(applyDetail, detail)
    expect(steps).toEqual([{ position: 0, name: 'app.py: total', state: 'done', error: '', seconds: 1.5 }])
  })

  it('ignores what is said of another job', () => {
    expect(applyDetail(detail, said(1, 'log', { text: 'x' }, 'b'))).toBe(detail)
  })

  it('follows the job itself', () => {
    expect(applyDetail(detail, { type: 'job', job: job({ state: 'review', files: 2 }) })).toMatchObject({
      state: 'review',
      files: 2,
      steps: [],
    })
  })
})
