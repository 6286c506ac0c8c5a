import { signal } from '@preact/signals'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { spent } from '../src/sessions/figures'
import { type Answer, CALM_MS, Library } from '../src/sessions/library/state'
import { Painted } from '../src/sessions/painted'
import type { Sessions } from '../src/sessions/store'
import { Narrator } from '../src/sessions/transcript/narrate'
import { ago } from '../src/ui/words/library'
import type { Event, SessionSummary } from '../src/wire'
import { summaryOf, turnOf } from './sessions-host'

afterEach(() => void vi.useRealTimers())

const at = (minute: number) => `2026-11-22T14:${String(minute).padStart(2, '0')}:00Z`
const one = (id: string, minute: number, more: Partial<SessionSummary> = {}) =>
  summaryOf(id, { title: id, active_at: at(minute), ...more })
const hit = (session: SessionSummary) => ({ session, excerpts: [] })

function made(answers: Record<string, Answer>, known: SessionSummary[] = []) {
  const asked: string[] = []
  const list = signal<readonly SessionSummary[]>(known)
  const sessions = { list, wire: { id: 'w' } } as unknown as Sessions
  const library = new Library(sessions, async (path) => {
    asked.push(path.replace('/workspaces/w/sessions?', ''))
    const answer = answers[asked.at(-1) ?? '']
    if (!answer) throw new Error('not asked for')
    return answer
  })
  const shown = () => library.hits.value?.map((found) => found.session.id)
  return { library, asked, list, shown }
}

describe('the list of sessions', () => {
  test('it is what the server has, with what this tab has heard since', async () => {
    const first = { sessions: [hit(one('b', 20)), hit(one('a', 10))], more: false }
    const { library, list, shown } = made({ 'query=&archived=false': first }, [])
    expect(shown()).toBeUndefined()
    await library.load()
    expect(shown()).toEqual(['b', 'a'])
    list.value = [one('new', 40), one('a', 30, { title: 'renamed' })]
    expect(shown()).toEqual(['new', 'a', 'b'])
    expect(library.hits.value?.[1]?.session.title).toBe('renamed')
    list.value = [one('a', 30, { archived: true })]
    expect(shown(), 'archived by somebody just now').toEqual(['b'])
  })

  test('older ones come by the page, and none of this tab is shown in front of them twice', async () => {
    const { library, asked, shown } = made(
      {
        'query=&archived=false': { sessions: [hit(one('d', 40)), hit(one('c', 30))], more: true },
        'query=&archived=false&before=c': { sessions: [hit(one('b', 20))], more: false },
      },
      [one('d', 40), one('b', 20)],
    )
    await library.load()
    expect(shown()).toEqual(['d', 'c'])
    await library.next()
    expect(shown()).toEqual(['d', 'c', 'b'])
    expect(library.more.value).toBe(false)
    expect(asked).toHaveLength(2)
  })

  test('while somebody types only the last words are looked for, in the archive too', async () => {
    vi.useFakeTimers()
    const { library, asked, shown } = made({
      'query=two': { sessions: [hit(one('old', 1, { archived: true }))], more: false },
    })
    library.search('t')
    library.search('two')
    await vi.advanceTimersByTimeAsync(CALM_MS)
    expect(asked).toEqual(['query=two'])
    expect(shown()).toEqual(['old'])
  })

  test('a failure is told, and gone when it works again', async () => {
    const answers: Record<string, Answer> = {}
    const { library } = made(answers)
    await library.load()
    expect(library.problem.value?.message).toBe('not asked for')
    answers['query=&archived=false'] = { sessions: [], more: false }
    await library.load()
    expect(library.problem.value).toBeNull()
  })

  test('times are short', () => {
    const now = Date.parse('2026-11-22T14:00:00Z')
    const past = (ms: number) => ago(new Date(now - ms).toISOString(), now)
    expect([past(5e3), past(3e5), past(7.3e6), past(2e8), past(9e8)]).toEqual(['now', '5 min', '2 h', '2 d', 'Nov 12'])
  })
})

describe('where the time of a turn went', () => {
  test('shares of what the host and this browser measured; nothing where the host has not', () => {
    const turn = turnOf('t', { times: { provider: 300, server: 50, tools: 0, waiting: 100 } })
    expect(spent(turn, { wire: 40, paint: 10 }).map((one) => [one.place, one.share])).toEqual([
      ['provider', 0.6],
      ['server', 0.1],
      ['waiting', 0.2],
      ['wire', 0.08],
      ['paint', 0.02],
    ])
    expect(spent(turnOf('t'), { wire: 40 })).toEqual([])
  })

  test('from arrival to frame: from the first thing that came to the frame that shows it all', () => {
    let now = 0
    const frames: (() => void)[] = []
    const painted = new Painted(
      () => now,
      (run) => frames.push(run),
    )
    for (const delay of [10, 20]) {
      painted.arrived()
      now += 4
      painted.arrived()
      painted.drawn('t')
      now += delay - 4
      frames.pop()?.()
    }
    painted.drawn('t')
    expect(frames).toEqual([])
    expect(painted.mean('t')).toBe(15)
    expect(painted.mean('other')).toBeNull()
  })
})

describe('what a screen reader hears', () => {
  const tool = (name: string, ok = true): Event => ({
    session: 's',
    seq: 1,
    type: 'item.completed',
    item: {
      ...{ id: 'i', turn: 't', position: 1, created_at: at(0), author: null },
      kind: 'tool',
      data: { name, input: 'x', output: '', ok, seconds: 1 },
    },
  })

  test('the first step at once, those that follow soon together, nothing of other sessions', () => {
    const said: string[] = []
    const later: (() => void)[] = []
    const narrator = new Narrator(
      () => 's',
      (text) => said.push(text),
      (run) => {
        later.push(run)
        return () => {}
      },
    )
    narrator.take({ session: 's', seq: 1, type: 'turn.started', turn: turnOf('t') })
    narrator.take(tool('search', false))
    narrator.take(tool('read_file'))
    narrator.take(tool('read_file'))
    narrator.take({ ...tool('search'), session: 'other' } as Event)
    expect(said).toEqual(['The model works', 'Model: Searched x, failed'])
    later.shift()?.()
    expect(said.at(-1)).toBe('Model: 2 steps done')
    later.shift()?.()
    expect(said).toHaveLength(3)
  })
})
