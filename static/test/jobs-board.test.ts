import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COLUMNS, columnOf, columns, filtered, stepOf } from '../src/jobs/board/model'
import { globbed, globOf } from '../src/jobs/delegate/form'
import { wishOf } from '../src/jobs/delegate/worktrees'
import { budgets, proofOf } from '../src/jobs/detail/about'
import { lineOf } from '../src/jobs/detail/log'
import { compared, mergeBody, unconfirmed } from '../src/jobs/review/changes'
import { browserName } from '../src/notices/push'
import { fresh } from '../src/notices/state'
import { progress, title } from '../src/notices/title'
import type { Flag, Job, JobEvent, JobState, ReviewFile, Told, TreeEntry } from '../src/wire'
import { aJob } from './a-job'

const STATES: JobState[] = [
  'queued',
  'planning',
  'running',
  'waiting',
  'review',
  'merged',
  'discarded',
  'failed',
  'cancelled',
]
const ana = { id: 1, name: 'Ana', colour: 0 }
const ben = { id: 2, name: 'Ben', colour: 1 }
const anyJob = fc
  .record({
    id: fc.uuid(),
    state: fc.constantFrom(...STATES),
    queue_place: fc.option(fc.nat(50)),
    instruction: fc.string(),
  })
  .map((part) => aJob(part))
const everybody = { which: 'all' as const, text: '', me: 1, session: null }

describe('the board', () => {
  it('has every job in one column, that of its state', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyJob, { selector: (job) => job.id }), (all) => {
        const by = columns(filtered(all, everybody))
        expect(COLUMNS.flatMap((name) => by[name].map((job) => job.id)).sort()).toEqual(all.map((job) => job.id).sort())
        for (const name of COLUMNS) for (const job of by[name]) expect(columnOf(job.state)).toBe(name)
      }),
    )
  })

  it('shows who is next in the queue first', () => {
    const places = [3, 0, 1].map((queue_place, n) => aJob({ id: `${n}`, state: 'queued', queue_place }))
    expect(columns(places).queued.map((job) => job.queue_place)).toEqual([0, 1, 3])
  })

  it('shows mine, those of this session, or those with these words', () => {
    const all = [
      aJob({ id: 'a', owner: ana, session: 's', instruction: 'Add docstrings' }),
      aJob({ id: 'b', owner: ben, session: 's', instruction: 'Rename the basket' }),
      aJob({ id: 'c', owner: ben, instruction: 'Add tests' }),
    ]
    const ids = (part: object) => filtered(all, { ...everybody, ...part }).map((job) => job.id)
    expect(ids({ which: 'mine' })).toEqual(['a'])
    expect(ids({ which: 'session', session: 's' })).toEqual(['a', 'b'])
    expect(ids({ which: 'session', session: null })).toEqual([])
    expect(ids({ text: 'add ben' })).toEqual(['c'])
  })

  it('has sub-agents in their parent, but for one that asks', () => {
    const all = [aJob({ id: 'a' }), aJob({ id: 'b', parent: 'a' }), aJob({ id: 'c', parent: 'a', state: 'waiting' })]
    expect(filtered(all, everybody).map((job) => job.id)).toEqual(['a', 'c'])
  })

  it('is walked by arrow keys, over empty columns, and never out of it', () => {
    const shown = [['a', 'b', 'c'], [], ['d'], ['e', 'f']]
    expect(stepOf(shown, 'a', 'ArrowDown')).toBe('b')
    expect(stepOf(shown, 'c', 'ArrowRight')).toBe('d')
    expect(stepOf(shown, 'd', 'ArrowRight')).toBe('e')
    expect(stepOf(shown, 'f', 'ArrowLeft')).toBe('d')
    expect(stepOf(shown, 'a', 'ArrowUp')).toBe('a')
    expect(stepOf(shown, 'f', 'ArrowRight')).toBe('f')
    expect(stepOf(shown, 'a', 'End')).toBe('c')
  })
})

describe('a job in depth', () => {
  const event = (kind: string, data: Record<string, unknown>): JobEvent => ({ id: 1, kind, data, created_at: '' })

  it('shows each limit it has, as often as it was given', () => {
    const job = aJob({
      kind: 'agent',
      done: 5,
      worked_seconds: 60,
      cost: 0.5,
      budget: { minutes: 30, steps: 200, dollars: 0, times: 2 },
    })
    expect(budgets(job, 30)).toEqual([
      { measure: 'minutes', used: 1.5, most: 60 },
      { measure: 'steps', used: 5, most: 400 },
    ])
  })

  it('tells the newest proof of a stop', () => {
    expect(proofOf([])).toBeNull()
    const told = [
      event('proof', { processes: 2, sockets: 1, ledger: 'open' }),
      event('proof', { processes: 0, sockets: 0, ledger: 'settled' }),
    ]
    expect(proofOf(told)).toEqual({ processes: 0, sockets: 0, ledger: 'settled', running: 0 })
  })

  it.each([
    ['\u001b[31mred\u001b[0m plain', 'red plain'],
    ['10 %\r50 %\r100 %\ndone', '100 %\ndone'],
    ['\u001b]8;;https://example.org\u0007link\u001b]8;;\u0007', 'link'],
    ['\u001b]52;c;c2VjcmV0\u0007after', 'after'],
    ['\u001b[2J\u001b[Hcleared', 'cleared'],
    ['\u001bPq#0;2;0\u001b\\sixel', 'sixel'],
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['\u202egnp.exe', '‹202E›gnp.exe'],
    ['\u009d0;title\u009c', '‹9D›0;title‹9C›'],
  ])('reads what a command printed as a terminal shows it: %j', (output, shown) => {
    expect(lineOf(event('tool', { name: 'run', output }))?.text).toBe(`run\n${shown}`)
  })

  it('keeps the colours as names of classes', () => {
    const runs = lineOf(event('tool', { output: 'a\u001b[1;32mok\u001b[0m' }))?.runs
    expect(runs).toEqual([
      { text: 'a', style: '' },
      { text: 'ok', style: 'ansi-2 ansi-bold' },
    ])
  })
})

describe('what one is told', () => {
  const told = (id: string, at: string, read = false): Told => ({
    ...{ id, kind: 'review', title: 'Ready', body: '', url: '/w/a', workspace: 'a', created_at: at, read },
  })

  it('is new only after the first time, and only what is unread', () => {
    const before = { notices: [told('a', '2')], unread: 1 }
    const after = { notices: [told('c', '4', true), told('b', '3'), told('a', '2'), told('z', '1')], unread: 3 }
    expect(fresh(null, after)).toEqual([])
    expect(fresh(before, after).map((one) => one.id)).toEqual(['b'])
  })

  it('is in the title, with how far the jobs are', () => {
    const jobs: Job[] = [
      aJob({ done: 1, total: 4 }),
      aJob({ id: 'b', done: 2, total: 2 }),
      aJob({ id: 'c', state: 'review' }),
    ]
    expect(progress(jobs)).toBe(50)
    expect(progress([aJob({ total: 0, done: 3 })])).toBeNull()
    expect(progress([aJob({ state: 'merged' })])).toBe('none')
    expect(title(2, 50, 'shop', 'Tandem')).toBe('(2) ▸ 50 % · shop · Tandem')
    expect(title(0, 'none', '', 'Tandem')).toBe('Tandem')
  })

  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0', 'Edge on Windows'],
    ['curl/8', 'A browser'],
  ])('calls a browser by its name: %s', (agent, name) => {
    expect(browserName(agent)).toBe(name)
  })
})

describe('files by pattern', () => {
  it.each([
    ['*.py', 'shop/till.py', true],
    ['shop/*.py', 'shop/till.py', true],
    ['shop/*.py', 'shop/deep/till.py', false],
    ['shop/**/*.py', 'shop/deep/er/till.py', true],
    ['shop/**/*.py', 'shop/till.py', true],
    ['shop/', 'shop/deep/till.py', true],
    ['/README.md', 'docs/README.md', false],
    ['*.{ts,tsx}', 'src/a.tsx', true],
    ['till.p?', 'shop/till.py', true],
    ['a+b(c).py', 'a+b(c).py', true],
    ['{', '{', true],
  ])('%s and %s: %s', (pattern, path, matches) => {
    expect(globOf(pattern).test(path)).toBe(matches)
  })

  it('never fails to be read', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (pattern, path) => typeof globOf(pattern).test(path) === 'boolean'))
  })

  it('leaves out what has an exclamation mark in front', () => {
    const tree = ['shop/a.py', 'shop/b.py', 'tests/test_a.py', 'big.py'].map(
      (path): TreeEntry => ({ path, kind: 'file', size: 1, problem: path === 'big.py' ? 'larger than 5 MiB' : '' }),
    )
    expect(globbed(tree, '**/*.py !tests/ !shop/b.*')).toEqual(['shop/a.py'])
    expect(globbed(tree, '{shop,tests}/*a.py')).toEqual(['shop/a.py', 'tests/test_a.py'])
    expect(globbed(tree, '!shop/')).toEqual([])
  })
})

describe('a decision on a result', () => {
  const file = (path: string, flags: Flag[] = []): ReviewFile => ({
    ...{
      path,
      status: 'changed',
      base: 'a',
      proposed: 'b',
      current: 'c',
      merged: 'd',
      conflict: false,
      flags,
      text: true,
    },
    hunks: [],
  })
  const files = [file('a.py'), file('.github/ci.yml', ['ci']), file('logo.png', ['binary'])]

  it('asks for each flagged file that is chosen, by name', () => {
    const all = new Set(files.map((one) => one.path))
    expect(unconfirmed(files, all, new Set())).toEqual(['.github/ci.yml'])
    expect(unconfirmed(files, all, new Set(['.github/ci.yml']))).toEqual([])
    expect(unconfirmed(files, new Set(['a.py']), new Set())).toEqual([])
  })

  it('names what was confirmed, and the branch where a commit is wanted', () => {
    const chosen = new Set(['a.py', '.github/ci.yml'])
    const confirmed = new Set(['.github/ci.yml', 'gone.yml'])
    expect(mergeBody(chosen, { head: 'h', files }, { confirmed, branch: '', message: 'x' })).toEqual({
      head: 'h',
      files: ['a.py', '.github/ci.yml'],
      confirmed: ['.github/ci.yml'],
    })
    expect(
      mergeBody(chosen, { head: 'h', files }, { confirmed: new Set(), branch: 'main', message: ' Do it ' }),
    ).toMatchObject({ branch: 'main', message: 'Do it' })
  })

  it('compares with what it began with, or with the text as it is now', () => {
    expect(compared(file('a.py'), 'base')).toMatchObject({ base: 'a', proposed: 'b' })
    expect(compared(file('a.py'), 'now')).toEqual({ path: 'a.py', base: 'c', proposed: 'd' })
    expect(compared({ ...file('a.py'), status: 'deleted' }, 'now').proposed).toBe('')
  })
})

it('sends variables by name, and keeps the values nobody has changed', () => {
  const variables = [
    { name: 'TOKEN', value: null },
    { name: ' MODE ', value: 'fast' },
    { name: '', value: 'x' },
  ]
  expect(wishOf({ command: 'make', variables, hosts: ' example.com\n\n*.example.org ' })).toEqual({
    setup_command: 'make',
    env: { TOKEN: null, MODE: 'fast' },
    egress: ['example.com', '*.example.org'],
  })
})
