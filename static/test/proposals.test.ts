import { EditorState } from '@codemirror/state'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawing } from '../src/documents/proposals/draw'
import {
  currentPlace,
  keyOf,
  linesOf,
  marks,
  neighbour,
  type Place,
  placeAt,
  setHover,
  setMarks,
  sizeOf,
} from '../src/documents/proposals/field'
import { proposalsAfter, regionsAfter, resolve, summarised } from '../src/documents/proposals/proposals'
import type { Proposal, Region } from '../src/wire'
import { ana, turnOf } from './sessions-host'

const TEXT = 'zero\none\ntwo\nthree\nfour\nfive\nsix\n'
const at = (word: string) => TEXT.indexOf(word)
const place = (hunk: string, from: number, to: number, more: Partial<Place> = {}): Place => ({
  proposal: 'p',
  hunk,
  from,
  to,
  removed: [],
  added: 1,
  writing: false,
  ...more,
})

function stateWith(
  places: Place[],
  cursor = 0,
  stretches: { turn: string; from: number; to: number; owner: null }[] = [],
) {
  const empty = EditorState.create({ doc: TEXT, selection: { anchor: cursor }, extensions: drawing })
  return empty.update({ effects: setMarks.of({ places, stretches }) }).state
}

const lineSpan = (state: EditorState, one: Place) => {
  const lines = linesOf(state.doc, one)
  return lines && state.sliceDoc(state.doc.line(lines.first).from, state.doc.line(lines.last).to)
}

describe('hunks in the text', () => {
  test('a hunk covers the lines it put in, not the one its end stands before', () => {
    const state = stateWith([place('a', at('two'), at('four'), { added: 2 })])
    const [first] = state.field(marks).places
    expect(first && lineSpan(state, first)).toBe('two\nthree')
  })

  test('one that only removed has no lines', () => {
    const state = stateWith([place('a', at('two'), at('two'), { added: 0, removed: ['gone'] })])
    expect(linesOf(state.doc, state.field(marks).places[0] as Place)).toBeNull()
    expect(placeAt(state, at('two') + 1)?.hunk).toBe('a')
  })

  test('typing before, inside and behind keeps it on its own lines', () => {
    let state = stateWith([place('a', at('two'), at('four'), { added: 2 })])
    state = state.update({ changes: { from: 0, insert: 'new\n' } }).state
    state = state.update({ changes: { from: state.doc.toString().indexOf('three'), insert: 'and ' } }).state
    state = state.update({ changes: { from: state.doc.toString().indexOf('four'), insert: 'behind\n' } }).state
    expect(lineSpan(state, state.field(marks).places[0] as Place)).toBe('two\nand three')
  })

  test('a line typed right above is not part of it', () => {
    const state = stateWith([place('a', at('two'), at('three'))]).update({
      changes: { from: at('two'), insert: 'above\n' },
    }).state
    expect(lineSpan(state, state.field(marks).places[0] as Place)).toBe('two')
  })

  test('what arrives at the end of one that is written now belongs to it', () => {
    const writing = place('a', at('two'), at('three'), { writing: true })
    const state = stateWith([writing]).update({ changes: { from: at('three'), insert: 'more\n' } }).state
    expect(lineSpan(state, state.field(marks).places[0] as Place)).toBe('two\nmore')
  })

  test('whatever is typed, every place stays inside the text, in order', () => {
    const edits = fc.array(fc.record({ from: fc.nat(60), size: fc.nat(12), insert: fc.string({ maxLength: 8 }) }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(edits, fc.boolean(), (list, writing) => {
        let state = stateWith([
          place('a', at('one'), at('two'), { writing }),
          place('b', at('three'), at('five'), { added: 2, removed: ['x'], writing }),
        ])
        for (const { from, size, insert } of list) {
          const start = Math.min(from, state.doc.length)
          state = state.update({ changes: { from: start, to: Math.min(start + size, state.doc.length), insert } }).state
          for (const one of state.field(marks).places) {
            expect(one.from).toBeLessThanOrEqual(one.to)
            expect(one.to).toBeLessThanOrEqual(state.doc.length)
            linesOf(state.doc, one)
          }
        }
      }),
    )
  })

  test('places ahead of the text are cut to it', () => {
    const state = stateWith([place('a', 3, 9999)])
    expect(state.field(marks).places[0]).toMatchObject({ from: 3, to: TEXT.length })
  })

  test("the model's stretch grows with what it writes", () => {
    const state = stateWith([], 0, [{ turn: 't', from: at('two'), to: at('two') + 3, owner: null }])
    const next = state.update({ changes: { from: at('two') + 3, insert: ' and a half' } }).state
    const [stretch] = next.field(marks).stretches
    expect(next.sliceDoc(stretch?.from, stretch?.to)).toBe('two and a half')
  })
})

describe('the hunk people act on', () => {
  const three = [
    place('a', at('one'), at('two')),
    place('b', at('three'), at('four')),
    place('c', at('six'), at('six') + 4),
  ]

  test('is the one under the cursor, else the nearest', () => {
    expect(currentPlace(stateWith(three, at('three') + 2))?.hunk).toBe('b')
    expect(currentPlace(stateWith(three, at('five')))?.hunk).toBe('b')
    expect(currentPlace(stateWith(three, 0))?.hunk).toBe('a')
    expect(currentPlace(stateWith([], 0))).toBeNull()
  })

  test('is the one under the pointer until the cursor moves', () => {
    const hovered = stateWith(three).update({ effects: setHover.of(keyOf(three[2] as Place)) }).state
    expect(currentPlace(hovered)?.hunk).toBe('c')
    expect(currentPlace(hovered.update({ selection: { anchor: at('three') } }).state)?.hunk).toBe('b')
  })

  test('next and previous go through all of them and round', () => {
    const step = (cursor: number, way: 1 | -1) => neighbour(stateWith(three, cursor), way)?.hunk
    expect([step(0, 1), step(at('one'), 1), step(at('five'), 1), step(at('six'), 1)]).toEqual(['a', 'b', 'c', 'a'])
    expect([step(0, -1), step(at('one'), -1), step(at('five'), -1), step(at('six'), -1)]).toEqual(['c', 'c', 'b', 'b'])
  })
})

const proposal = (more: Partial<Proposal> = {}): Proposal => ({
  id: 'p',
  path: 'a.py',
  document: 'd',
  turn: 't',
  job: null,
  owner: ana,
  state: 'open',
  writing: false,
  hunks: [{ id: 'h', from: '4', to: '9', removed: [], added: 1 }],
  ...more,
})
const region: Region = { turn: 't', document: 'd', path: 'b.py', from: '1', to: '2', owner: ana }

describe('what the events say', () => {
  test('a proposal is there until it is closed', () => {
    const open = proposalsAfter(new Map(), { type: 'proposal', proposal: proposal() })
    expect(open.size).toBe(1)
    expect(proposalsAfter(open, { type: 'proposal', proposal: proposal({ state: 'closed' }) }).size).toBe(0)
  })

  test('a region goes when the turn leaves the document or ends', () => {
    const there = regionsAfter(new Map(), { type: 'region', region })
    expect(there.size).toBe(1)
    expect(regionsAfter(there, { type: 'region', region: { ...region, from: null, to: null } }).size).toBe(0)
    const ended = { session: 's', seq: 1, type: 'turn.ended' as const, turn: turnOf('t', { state: 'completed' }) }
    expect(regionsAfter(there, ended).size).toBe(0)
  })

  test('files are summed up by path', () => {
    const found = summarised([proposal(), proposal({ id: 'q', writing: true })], [region])
    expect(found.get('a.py')).toEqual({ hunks: 2, writing: true, owners: [ana, ana] })
    expect(found.get('b.py')).toEqual({ hunks: 0, writing: true, owners: [] })
  })

  test('only this document is resolved, and what points ahead of its text is missed', () => {
    const doc = { id: 'd', posOf: (anchor: string) => (anchor === '?' ? null : Number(anchor)) }
    const other = proposal({ id: 'o', document: 'elsewhere' })
    expect(resolve(doc, [proposal(), other], [region])).toMatchObject({
      places: [{ proposal: 'p', hunk: 'h', from: 4, to: 9 }],
      stretches: [{ turn: 't', from: 1, to: 2 }],
      complete: true,
    })
    const ahead = proposal({ hunks: [{ id: 'h', from: '4', to: '?', removed: [], added: 1 }] })
    expect(resolve(doc, [ahead], [])).toEqual({ places: [], stretches: [], complete: false })
  })
})

describe('what waits for acceptance', () => {
  const waiting = (lines: string[], keep = 0) =>
    proposal({
      waiting: true,
      hunks: [{ id: 'h', from: '5', to: '9', removed: [], taken: 1, added: keep + lines.length, lines, keep }],
    })

  test('grows by the lines each event brings', () => {
    let map = proposalsAfter(new Map(), { type: 'proposal', proposal: waiting(['a', 'b']) })
    map = proposalsAfter(map, { type: 'proposal', proposal: waiting(['B', 'c'], 1) })
    expect(map.get('p')?.hunks[0]?.lines).toEqual(['a', 'B', 'c'])
  })

  test('covers the lines it would take out, and counts those it would put in', () => {
    const doc = { id: 'd', posOf: (anchor: string) => Number(anchor) }
    const [one] = resolve(doc, [waiting(['a', 'b', 'c'])], []).places
    expect(one && lineSpan(stateWith([one]), one)).toBe('one')
    expect(one && sizeOf(one)).toEqual([3, 1])
  })

  test('follows its file when that is renamed', () => {
    const map = proposalsAfter(new Map(), { type: 'proposal', proposal: proposal() })
    const moved = proposalsAfter(map, { type: 'document.moved', document: 'd', path: 'b.py' })
    expect(moved.get('p')?.path).toBe('b.py')
    expect(proposalsAfter(moved, { type: 'document.moved', document: 'x', path: 'c.py' })).toBe(moved)
  })
})
