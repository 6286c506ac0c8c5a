import { afterEach, describe, expect, test } from 'vitest'
import { endpointOf, modeOf, type Situation } from '../src/sessions/mode'
import { rate, sampled } from '../src/sessions/rate'
import { draftOf, keepDraft } from '../src/sessions/storage'
import { words } from '../src/ui/words/sessions'
import type { Endpoint, Models, Role } from '../src/wire'
import { turnOf } from './sessions-host'

afterEach(() => sessionStorage.clear())

const endpoint = (id: number): Endpoint => ({
  id,
  name: `e${id}`,
  model: 'm',
  builtin: false,
  scripted: false,
  drives_tools: true,
  window: 8000,
  resting_until: null,
  problem: '',
})
const models: Models = { endpoints: [endpoint(1), endpoint(2)], default: 2, advice: '' }
const now: Situation = { role: 'editor', models, connection: 'live', running: null, text: 'hello', busy: false }

describe('what the composer can do', () => {
  test('send, when nothing runs', () => {
    expect(modeOf(now)).toMatchObject({ primary: 'send', canAct: true, canStop: false, why: '' })
  })

  test('steer and stop, while a turn runs', () => {
    expect(modeOf({ ...now, running: turnOf('t') })).toMatchObject({ primary: 'steer', canAct: true, canStop: true })
  })

  test('redirect an inline edit and queue behind a block: neither can be steered', () => {
    expect(modeOf({ ...now, running: turnOf('t', { kind: 'inline' }) }).primary).toBe('redirect')
    expect(modeOf({ ...now, running: turnOf('t', { kind: 'apply' }) }).primary).toBe('queue')
  })

  test('an empty text is not sent, but a running turn can be stopped', () => {
    expect(modeOf({ ...now, text: '  \n', running: turnOf('t') })).toMatchObject({
      canAct: false,
      canStop: true,
      why: words.why.empty,
      blocked: false,
    })
  })

  test.each<[Role, boolean]>([
    ['owner', true],
    ['maintainer', true],
    ['editor', true],
    ['commenter', false],
    ['viewer', false],
  ])('a %s may act: %s', (role, may) => {
    const mode = modeOf({ ...now, role, running: turnOf('t') })
    expect([mode.canAct, mode.canStop, mode.canType]).toEqual([may, may, may])
    expect(mode.why).toBe(may ? '' : words.why.role(role))
  })

  test('offline it says so and lets people go on writing', () => {
    expect(modeOf({ ...now, connection: 'offline' })).toMatchObject({
      canAct: false,
      canType: true,
      why: words.why.offline,
    })
  })

  test('without a model there is nothing to write to', () => {
    const none = { endpoints: [], default: null, advice: 'Set a key.' }
    expect(modeOf({ ...now, models: none })).toMatchObject({ canAct: false, canType: false, why: words.why.noModel })
  })

  test('while sending it waits', () => {
    expect(modeOf({ ...now, busy: true })).toMatchObject({ canAct: false, why: words.why.busy })
  })

  test('the endpoint picked, else the default, else the first', () => {
    expect(endpointOf(models, 1)?.id).toBe(1)
    expect(endpointOf(models, 9)?.id).toBe(2)
    expect(endpointOf({ ...models, default: null }, null)?.id).toBe(1)
    expect(endpointOf(null, 1)).toBeNull()
  })
})

describe('drafts', () => {
  test('each session has its own, and an empty one is forgotten', () => {
    const draft = { text: 'half a thought', mentions: [{ kind: 'file' as const, path: 'a.py' }], pictures: [] }
    keepDraft('w', 's', draft)
    expect(draftOf('w', 's')).toEqual(draft)
    expect(draftOf('w', 'other').text).toBe('')
    keepDraft('w', 's', { text: '', mentions: [], pictures: [] })
    expect(sessionStorage).toHaveLength(0)
  })

  test('what cannot be read is no draft', () => {
    sessionStorage.setItem('tandem.draft.w.s', '{broken')
    expect(draftOf('w', 's')).toEqual({ text: '', mentions: [], pictures: [] })
  })
})

describe('tokens a second', () => {
  const samples = (list: [number, number][]) =>
    list.reduce((all, [at, tokens]) => sampled(all, { at, tokens }), [] as ReturnType<typeof sampled>)

  test('are those of the last second', () => {
    const seen = samples([
      [0, 0],
      [1000, 100],
      [1500, 600],
      [2000, 1100],
    ])
    expect(rate(seen, 2000)).toBe(1000)
  })

  test('fall when nothing comes any more', () => {
    const seen = samples([
      [0, 0],
      [1000, 1000],
    ])
    expect(rate(seen, 4000)).toBe(250)
  })

  test('are not known from one sample', () => {
    expect(rate(samples([[0, 10]]), 100)).toBeNull()
  })

  test('start anew with another turn', () => {
    expect(
      samples([
        [0, 500],
        [250, 3],
      ]),
    ).toEqual([{ at: 250, tokens: 3 }])
  })
})
