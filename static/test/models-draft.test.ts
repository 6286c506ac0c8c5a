import { describe, expect, it, test } from 'vitest'
import {
  advanced,
  blank,
  bodyOf,
  choose,
  type Draft,
  draftOf,
  type Entry,
  entriesOf,
  faultsOf,
  fieldOf,
  move,
  OTHER,
  stateOf,
} from '../src/models/draft'
import { words } from '../src/ui/words/models'
import type { EndpointSettings, Provider } from '../src/wire'

const row = (part: Partial<EndpointSettings> = {}): EndpointSettings => ({
  id: 3,
  name: 'Fast',
  model: 'm',
  builtin: false,
  scripted: false,
  drives_tools: true,
  window: 128_000,
  resting_until: null,
  problem: '',
  dialect: 'responses',
  base_url: 'https://models.example/v1',
  scope: 'team',
  has_key: true,
  enabled: true,
  abilities: {},
  probed_at: null,
  extra: {},
  price: { input: 0.25, cached: 0.1, output: 1 },
  pool: 'fast',
  limit_concurrent: 0,
  limit_requests: 0,
  limit_tokens: 0,
  may_change: true,
  ...part,
})
const typed = (part: Partial<Draft>): Draft => ({
  ...blank('team'),
  name: 'Mine',
  base_url: 'https://models.example/v1',
  model: 'm',
  ...part,
})

const provider = (part: Partial<Provider>): Provider => ({
  id: 'anthropic',
  name: 'Anthropic',
  base_url: 'https://api.anthropic.com/v1',
  dialect: 'anthropic',
  models: ['claude'],
  window: 200_000,
  pool: 'deep',
  local: false,
  ...part,
})
const GROQ = { id: 'groq', name: 'Groq', base_url: 'https://api.groq.com/openai/v1', dialect: 'chat' } as const
const all = [
  provider({}),
  provider({ ...GROQ, models: ['gpt-oss'], window: 128_000, pool: 'fast' }),
  provider({ id: 'ollama', name: 'Ollama', base_url: 'http://127.0.0.1:11434/v1', models: [], local: true }),
]

describe('a provider', () => {
  it('fills in what is known of it', () => {
    const draft = choose(blank('person'), all, 'groq')
    expect(draft).toMatchObject({
      ...GROQ,
      id: null,
      provider: 'groq',
      model: 'gpt-oss',
      window: '128000',
      pool: 'fast',
    })
  })
  it('replaces what another one filled in', () => {
    const draft = choose(choose(blank('person'), all, 'groq'), all, 'anthropic')
    expect(draft).toMatchObject({ name: 'Anthropic', dialect: 'anthropic', model: 'claude', pool: 'deep' })
  })
  it('never replaces what was typed', () => {
    const draft = choose({ ...blank('person'), name: 'My Groq', key: 'sk-1' }, all, 'groq')
    expect(draft).toMatchObject({ name: 'My Groq', key: 'sk-1', base_url: GROQ.base_url })
  })
  it('that is none of them leaves everything open', () => {
    expect(choose(choose(blank('team'), all, 'groq'), all, OTHER)).toEqual({ ...blank('team'), provider: OTHER })
  })
  it('wants a key at its own address only, and one on this machine none', () => {
    const draft = choose(blank('person'), all, 'groq')
    expect(faultsOf(draft, all[1])).toEqual({ key: words.faults.key })
    expect(faultsOf({ ...draft, key: 'sk-1' }, all[1])).toEqual({})
    expect(faultsOf({ ...draft, base_url: 'https://proxy.example/v1' }, all[1])).toEqual({})
    expect(faultsOf({ ...choose(blank('person'), all, 'ollama'), model: 'm' }, all[2])).toEqual({})
  })
})

describe('under Advanced', () => {
  const draft = blank('team')
  it('is the address of a known provider, and the key that one on this machine does not want', () => {
    expect(advanced(draft, all[1])).toEqual(expect.arrayContaining(['base_url', 'dialect', 'pool']))
    expect(advanced(draft, all[1])).not.toContain('key')
    expect(advanced(draft, all[2])).toContain('key')
    expect(advanced(draft, all[2])).not.toContain('base_url')
  })
  it('is neither of a server that nobody knows; of one that is edited, its dialect', () => {
    for (const name of ['base_url', 'dialect', 'key']) expect(advanced(draft, undefined)).not.toContain(name)
    expect(advanced(draftOf(row()), undefined)).toContain('dialect')
  })
})

test.each<[string, Partial<Draft>, Partial<Record<string, string>>]>([
  ['nothing is wrong', {}, {}],
  ['what is needed', { name: ' ', model: '' }, { name: words.faults.empty, model: words.faults.empty }],
  ['an address without a scheme', { base_url: 'localhost:11434' }, { base_url: words.faults.address }],
  ['a window that is no number', { window: 'large' }, { window: words.faults.window }],
  ['a window too small', { window: '999' }, { window: words.faults.window }],
  ['a price below nothing', { price_output: '-1' }, { price_output: words.faults.price }],
  ['a limit that is no number', { limit_tokens: 'many' }, { limit_tokens: words.faults.limit(1_000_000_000) }],
  ['half a call', { limit_concurrent: '0.5' }, { limit_concurrent: words.faults.limit(10_000) }],
  ['extra fields that are a list', { extra: '[]' }, { extra: words.faults.extra }],
  ['extra fields that are cut off', { extra: '{"a":' }, { extra: words.faults.extra }],
])('faults: %s', (_, part, faults) => {
  expect(faultsOf(typed(part))).toEqual(faults)
})

describe('what is sent', () => {
  it('of a model as it is keeps its key and names no scope', () => {
    expect(bodyOf(draftOf(row({ extra: { service_tier: 'flex' } })))).toEqual({
      name: 'Fast',
      dialect: 'responses',
      base_url: 'https://models.example/v1',
      model: 'm',
      key: null,
      window: 128_000,
      drives_tools: true,
      enabled: true,
      extra: { service_tier: 'flex' },
      price_input: '0.25',
      price_cached: '0.1',
      price_output: '1',
      pool: 'fast',
      limit_concurrent: 0,
      limit_requests: 0,
      limit_tokens: 0,
    })
  })
  it('of limits is 0 where there is none', () => {
    const typedIn = bodyOf(typed({ limit_requests: '60', limit_tokens: '' }))
    expect(typedIn).toMatchObject({ limit_concurrent: 0, limit_requests: 60, limit_tokens: 0 })
  })
  it('of a new one has its scope, and 0 for a price left empty', () => {
    expect(bodyOf(typed({ price_input: '' }))).toMatchObject({ scope: 'team', price_input: '0', key: '' })
  })
})

test.each<[string, Record<string, unknown>, string | null]>([
  ['the server names it', { message: 'There is a model called so.', field: 'name' }, 'name'],
  ['its check of the input does', { message: 'body.window: Input should be greater than 1000' }, 'window'],
  ['a field the form has not', { message: 'Not this.', field: 'colour' }, null],
  ['an address in the words is no field', { message: 'The host 127.0.0.1: refused.' }, null],
])('the field of a refusal: %s', (_, part, field) => {
  expect(fieldOf({ code: 'invalid', message: '', do: '', ...part })).toBe(field)
})

test.each<[string, Partial<EndpointSettings>, boolean, string]>([
  ['switched off wins', { enabled: false, problem: 'x' }, false, 'off'],
  ['resting until later', { resting_until: '2026-11-22T12:01:00Z', problem: 'x' }, false, 'resting'],
  ['a rest that is over', { resting_until: '2026-11-22T11:59:00Z', problem: 'x' }, false, 'failed'],
  ['asked before', { probed_at: '2026-11-22T11:00:00Z' }, false, 'works'],
  ['just tested', {}, true, 'works'],
  ['never asked', {}, false, 'untested'],
])('state: %s', (_, part, tried, state) => {
  expect(stateOf(row(part), Date.parse('2026-11-22T12:00:00Z'), tried)).toBe(state)
})

test('abilities are words; what was not found out is not claimed', () => {
  expect(words.abilities({ socket: true, steer: false, streamed_tools: true, fim: 'infill' })).toEqual([
    'socket',
    'tools stream',
    'fill-in',
    'images unknown',
  ])
  expect(words.abilities({ tools: false, images: false })).toEqual(['no tools', 'text only'])
})

describe('the order of a role', () => {
  const list: Entry[] = [1, 2, 3].map((endpoint) => ({ endpoint, fall_over: endpoint === 1 }))
  const ids = (entries: Entry[]) => entries.map((one) => one.endpoint)
  it('moves one place, and its “go on” with it', () => {
    expect(ids(move(list, 0, 1))).toEqual([2, 1, 3])
    expect(move(list, 0, 1)[1]?.fall_over).toBe(true)
    expect(ids(move(list, 2, -1))).toEqual([1, 3, 2])
  })
  it('stays where there is no further', () => {
    expect(move(list, 0, -1)).toBe(list)
    expect(move(list, 2, 1)).toBe(list)
  })
  it('is that of its own scope', () => {
    const roles = [
      { role: 'turn', scope: 'site', endpoint: 1, fall_over: false },
      { role: 'turn', scope: 'team', endpoint: 2, fall_over: true },
      { role: 'job', scope: 'team', endpoint: 3, fall_over: false },
    ] as const
    expect(entriesOf([...roles], 'turn', 'team')).toEqual([{ endpoint: 2, fall_over: true }])
  })
})
