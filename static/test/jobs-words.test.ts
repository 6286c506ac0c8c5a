import { describe, expect, it } from 'vitest'
import { choices, type Draft, endpointOf, missing, request } from '../src/jobs/delegate/form'
import { lineOf, linesOf, visible } from '../src/jobs/detail/log'
import { ago, brief, clock, elapsed } from '../src/jobs/time'
import { words } from '../src/ui/words/around'
import type { Endpoint, JobEvent, Models } from '../src/wire'

const START = '2026-11-22T18:00:00Z'
const at = (seconds: number) => Date.parse(START) + seconds * 1000

describe('elapsed time', () => {
  it.each([
    [0, '0:00'],
    [7.9, '0:07'],
    [72, '1:12'],
    [600, '10:00'],
    [3723, '1:02:03'],
    [-5, '0:00'],
  ])('of %s seconds reads %s', (seconds, text) => {
    expect(clock(seconds)).toBe(text)
  })

  it('counts to now while it runs and to the end after it, and is nothing before the start', () => {
    expect(elapsed(START, null, at(65))).toBe(65)
    expect(elapsed(START, '2026-11-22T18:00:10Z', at(65))).toBe(10)
    expect(elapsed(null, null, at(65))).toBeNull()
  })

  it('is never negative when the clocks differ', () => {
    expect(elapsed(START, null, at(-3))).toBe(0)
  })

  it.each([
    [0.42, '0.4 s'],
    [12.4, '12 s'],
    [220, '3:40'],
  ])('of a step of %s seconds reads %s', (seconds, text) => {
    expect(brief(seconds)).toBe(text)
  })

  it.each([
    [-20, 'just now'],
    [59, 'just now'],
    [60, '1 minute ago'],
    [7200, '2 hours ago'],
    [100_000, 'yesterday'],
    [5 * 86_400, '5 days ago'],
  ])('%s seconds ago reads %s', (seconds, text) => {
    expect(words.ago(ago(START, at(seconds)))).toBe(text)
  })

  it('long ago is a date', () => {
    expect(words.ago(ago(START, at(90 * 86_400)))).toContain('2026')
  })
})

describe('what a job says', () => {
  const event = (kind: string, data: Record<string, unknown>): JobEvent => ({ id: 1, kind, data, created_at: START })

  it('shows control and direction characters as signs, and keeps lines and tabs', () => {
    expect(visible('a\u001b[31mred\u0007\tb\r\nc\u202e\u007f')).toBe('a‹ESC›[31mred‹07›\tb\nc‹202E›‹7F›')
  })

  it('leaves letters of every script alone', () => {
    const text = 'naïve Ω 漢字 عربى 👩‍💻'
    expect(visible(text)).toBe(text)
  })

  it('marks a failed tool, and joins its name, input and output', () => {
    expect(lineOf(event('tool', { name: 'run', input: 'pytest', output: '1 failed\n', ok: false }))).toMatchObject({
      text: 'run\npytest\n1 failed',
      bad: true,
    })
  })

  it('leaves steps that went well to the list of steps', () => {
    expect(lineOf(event('step', { position: 0, name: 'a', state: 'done' }))).toBeNull()
    expect(lineOf(event('step', { position: 0, name: 'a', state: 'failed', error: 'does not parse' }))?.text).toBe(
      'a\ndoes not parse',
    )
  })

  it('joins prose that came in pieces, and ends it where something else happened', () => {
    const said = ['I will ', 'fix it.'].map((text) => event('text', { text }))
    const lines = linesOf([...said, event('log', { text: 'done' }), event('text', { text: 'Next.' })])
    expect(lines.map((line) => line.text)).toEqual(['I will fix it.', 'done', 'Next.'])
  })

  it('says nothing for an event without words', () => {
    expect(lineOf(event('log', { n: 4 }))).toBeNull()
  })
})

describe('the form that delegates', () => {
  const endpoint = (part: Partial<Endpoint>): Endpoint => ({
    id: 1,
    name: 'small',
    model: 'm',
    builtin: true,
    scripted: false,
    drives_tools: false,
    window: 2048,
    resting_until: null,
    problem: '',
    ...part,
  })
  const models: Models = {
    endpoints: [endpoint({}), endpoint({ id: 2, name: 'big', builtin: false, drives_tools: true })],
    default: 1,
    advice: '',
  }
  const draft = (part: Partial<Draft>): Draft => ({
    instruction: 'Add docstrings',
    kind: 'map',
    paths: new Set(['a.py']),
    endpoint: null,
    limits: {},
    ...part,
  })

  it.each([
    ['an instruction', draft({ instruction: '  ' }), ['instruction']],
    ['a shorter instruction', draft({ instruction: 'x'.repeat(20_001) }), ['long']],
    ['files, for a task an item', draft({ paths: new Set() }), ['files']],
    ['a model that can use tools, for a free task', draft({ kind: 'agent' }), ['tools']],
    ['nothing for a free task by a model with tools', draft({ kind: 'agent', endpoint: 2, paths: new Set() }), []],
    ['nothing when all is there', draft({}), []],
  ])('asks for %s', (_what, given, lacks) => {
    expect(missing(given, models)).toEqual(lacks)
  })

  it('asks for a model where there is none', () => {
    expect(missing(draft({}), { endpoints: [], default: null, advice: '' })).toEqual(['model'])
    expect(missing(draft({}), null)).toEqual(['model'])
  })

  it('uses the default model unless another is chosen', () => {
    expect(endpointOf(draft({}), models)?.name).toBe('small')
    expect(endpointOf(draft({ endpoint: 2 }), models)?.name).toBe('big')
  })

  it('sends files in order, and none for a free task', () => {
    expect(request(draft({ paths: new Set(['b.py', 'a.py']) }))).toEqual({
      kind: 'map',
      instruction: 'Add docstrings',
      paths: ['a.py', 'b.py'],
    })
    expect(request(draft({ kind: 'agent', endpoint: 2 }))).toEqual({
      kind: 'agent',
      instruction: 'Add docstrings',
      paths: [],
      endpoint: 2,
    })
  })

  it('offers text files whose path has every word', () => {
    const entry = (path: string, kind: 'file' | 'folder' | 'link' = 'file', problem = '') => ({
      path,
      kind,
      size: 1,
      problem,
    })
    const tree = [
      entry('shop', 'folder'),
      entry('shop/App.py'),
      entry('shop/logo.png', 'file', 'binary'),
      entry('tests/app.py'),
    ]
    expect(choices(tree, '')).toEqual(['shop/App.py', 'tests/app.py'])
    expect(choices(tree, 'app shop')).toEqual(['shop/App.py'])
  })
})
