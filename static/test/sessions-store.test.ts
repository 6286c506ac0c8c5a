import { signal } from '@preact/signals'
import { afterEach, describe, expect, test } from 'vitest'
import { listWith, runningAfter, Sessions, type Wire } from '../src/sessions/store'
import type { Event, Ops, SessionSummary } from '../src/wire'
import { ana, Host, summaryOf, turnOf } from './sessions-host'

const made: Sessions[] = []
afterEach(() => {
  for (const one of made.splice(0)) one.dispose()
  sessionStorage.clear()
})

/** A wire to the little host. Events reach the browser only when told; every question is kept. */
function wired(host: Host) {
  const listeners = new Set<(event: Event) => void>()
  const asked: Ops['session.open'][0][] = []
  const summary: SessionSummary = host.snapshot().session
  const answer = (params: Ops['session.open'][0]): Ops['session.open'][1] => {
    asked.push(params)
    const { after } = params
    return after === undefined
      ? { snapshot: host.snapshot() }
      : { events: host.events.filter((event) => event.seq > after) }
  }
  const snapshot = {
    role: 'owner',
    people: [],
    sessions: [summary],
    jobs: [],
    proposals: [],
    regions: [],
    models: null,
  }
  const open = signal(snapshot as unknown as Ops['workspace.open'][1])
  const wire: Wire = {
    id: 'w',
    me: ana,
    snapshot: open,
    call: async (method, params) => answer(params as Ops['session.open'][0]) as Ops[typeof method][1],
    on: (fn) => {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
  }
  // At once instead of in the next frame.
  const sessions = new Sessions(wire, (run) => ({ soon: run, stop: () => {} }))
  made.push(sessions)
  const tell = (...events: Event[]) => {
    for (const event of events) for (const listener of listeners) listener(event)
  }
  const reconnect = () => {
    open.value = { ...open.value }
  }
  return { sessions, tell, asked, reconnect }
}

/** Resolves when the view has come to `seq`. */
function reaches(sessions: Sessions, seq: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = sessions.view.subscribe((view) => {
      if (view?.seq !== seq) return
      resolve()
      queueMicrotask(() => stop())
    })
  })
}

describe('the sessions of a workspace', () => {
  test('the latest session is opened when the workspace is', async () => {
    const host = new Host()
    host.start()
    const { sessions } = wired(host)
    await reaches(sessions, host.events.length)
    expect(sessions.view.value?.items).toHaveLength(1)
  })

  test('events that arrive before the snapshot are put on top of it', async () => {
    const host = new Host()
    const { sessions, tell } = wired(host)
    host.start()
    tell(...host.events)
    await reaches(sessions, host.events.length)
    expect(sessions.view.value?.turns).toHaveLength(1)
  })

  test('a lost event is asked for, after the newest one known', async () => {
    const host = new Host()
    const { sessions, tell, asked } = wired(host)
    await reaches(sessions, 0)
    host.start()
    host.item('model', { text: '' })
    host.grow('a')
    const [, ...rest] = host.events
    tell(...rest)
    await reaches(sessions, host.events.length)
    expect(asked).toEqual([{ session: 's' }, { session: 's', after: 0 }])
    expect(sessions.view.value?.items.at(-1)).toMatchObject({ data: { text: 'a' } })
  })

  test('after a reconnect only what was missed is asked for', async () => {
    const host = new Host()
    host.start()
    const { sessions, asked, reconnect } = wired(host)
    await reaches(sessions, host.events.length)
    const known = host.events.length
    host.end('completed')
    reconnect()
    await reaches(sessions, host.events.length)
    expect(asked.at(-1)).toEqual({ session: 's', after: known })
  })

  test('a turn is known as running from its start to its end, in any session', () => {
    const turn = turnOf('t', { session: 'other' })
    const base = { session: 'other', seq: 1 }
    const started = runningAfter(new Map(), { ...base, type: 'turn.started', turn })
    expect([...started.keys()]).toEqual(['t'])
    const faster = runningAfter(started, {
      ...base,
      type: 'turn.speed',
      turn: 't',
      ttft_ms: 9,
      tokens: 5,
      tokens_per_s: 7,
    })
    expect(faster.get('t')).toMatchObject({ ttft_ms: 9, output_tokens: 5, tokens_per_s: 7 })
    expect(runningAfter(faster, { ...base, type: 'turn.ended', turn: { ...turn, state: 'failed' } }).size).toBe(0)
  })

  test('a session that was active moves to the front of the list', () => {
    const summary = (id: string, active_at: string) => summaryOf(id, { title: id, active_at })
    const list = [summary('b', '2026-11-22T12:00:00Z'), summary('a', '2026-11-22T11:00:00Z')]
    expect(listWith(list, summary('a', '2026-11-22T13:00:00Z')).map((one) => one.id)).toEqual(['a', 'b'])
  })
})
