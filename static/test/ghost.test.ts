import { EditorSelection, EditorState } from '@codemirror/state'
import { afterEach, describe, expect, it } from 'vitest'
import { remote } from '../src/documents/binding'
import { about, pace, patience, slow, toggle, wish } from '../src/documents/ghost/about'
import { fits } from '../src/documents/ghost/ask'
import { GhostCache, placeOf } from '../src/documents/ghost/cache'
import { ghost, partOf, setGhost } from '../src/documents/ghost/field'
import { trouble } from '../src/documents/ghost/ghost'
import { marks, setMarks } from '../src/documents/proposals/field'
import { target } from '../src/sessions/inline/edit'

/** `|` is the cursor. */
function stateOf(text: string, ...more: unknown[]) {
  const at = text.indexOf('|')
  return EditorState.create({
    doc: text.replace('|', ''),
    selection: { anchor: at },
    extensions: [ghost, marks, target, EditorState.allowMultipleSelections.of(true), ...(more as [])],
  })
}

const showing = (text: string, suggestion: string) => {
  const state = stateOf(text)
  return state.update({ effects: setGhost.of({ at: state.selection.main.head, text: suggestion }) }).state
}
const type = (state: EditorState, text: string) => {
  const { head } = state.selection.main
  const change = { changes: { from: head, insert: text }, selection: { anchor: head + text.length } }
  return state.update({ ...change, userEvent: 'input.type' }).state
}

describe('a suggestion', () => {
  it('becomes shorter by what is typed along it', () => {
    const state = type(showing('x = |', 'len(a)'), 'le')
    expect(state.field(ghost)).toEqual({ at: 6, text: 'n(a)' })
  })
  it('goes when something else is typed, when it is typed to its end, and when the cursor leaves', () => {
    expect(type(showing('x = |', 'len(a)'), 'm').field(ghost)).toBeNull()
    expect(type(showing('x = |', 'a'), 'a').field(ghost)).toBeNull()
    const left = showing('x = |', 'a').update({ selection: { anchor: 0 } }).state
    expect(left.field(ghost)).toBeNull()
    const selected = showing('x = |', 'a').update({ selection: EditorSelection.range(0, 4) }).state
    expect(selected.field(ghost)).toBeNull()
  })
  it('moves with what others write above, and goes when they write in its line', () => {
    const state = showing('a\nx = |', 'len(a)')
    const above = state.update({ changes: { from: 0, insert: '# 🙂\n' }, annotations: remote.of(true) }).state
    expect(above.field(ghost)).toEqual({ at: 11, text: 'len(a)' })
    const same = state.update({ changes: { from: 2, insert: 'y' }, annotations: remote.of(true) }).state
    expect(same.field(ghost)).toBeNull()
  })
  it('is taken whole, by word, or by line', () => {
    const text = '\n    return sum(values)\n    more'
    expect(partOf(text, 'all')).toBe(text)
    expect(partOf(text, 'word')).toBe('\n    return')
    expect(partOf(text, 'line')).toBe('\n    return sum(values)')
    expect(partOf('(a, b)', 'word')).toBe('(')
    expect(partOf('größe + 1', 'word')).toBe('größe')
    expect(partOf('a)\nb', 'line')).toBe('a)')
  })
})

describe('the cache', () => {
  const place = (text: string) => {
    const state = stateOf(text)
    return placeOf(state.doc, state.selection.main.head)
  }
  it('knows a place again, also one that is reached by typing along', () => {
    const cache = new GhostCache()
    cache.put(place('x = |\n'), 'len(a)')
    expect(cache.get(place('x = |\n'))).toBe('len(a)')
    expect(cache.get(place('x = le|\n'))).toBe('n(a)')
    expect(cache.get(place('x = la|\n'))).toBeNull()
    expect(cache.get(place('x = |\ny'))).toBeNull()
  })
  it('does not show again what was dismissed, also when it is typed along', () => {
    const cache = new GhostCache()
    cache.put(place('x = |\n'), 'len(a)')
    cache.refuse(place('x = le|\n'))
    expect(cache.get(place('x = le|\n'))).toBe('')
    expect(cache.get(place('x = len|\n'))).toBeNull()
  })
  it('knows where there was nothing, and forgets the oldest', () => {
    const cache = new GhostCache()
    cache.put(place('x = |'), '')
    expect(cache.get(place('x = |'))).toBe('')
    for (let n = 0; n < 200; n++) cache.put(place(`${n} = |`), 'a')
    expect(cache.get(place('x = |'))).toBeNull()
    expect(cache.get(place('199 = |'))).toBe('a')
  })
})

describe('where something may be suggested', () => {
  it('is at the end of a line, or before closing brackets', () => {
    expect(fits(stateOf('x = |'))).toBe(true)
    expect(fits(stateOf('f(|)'))).toBe(true)
    expect(fits(stateOf('f(|a)'))).toBe(false)
    expect(fits(stateOf('na|me'))).toBe(false)
  })
  it('is not where a file is read-only, nor where something is selected', () => {
    expect(fits(stateOf('x = |', EditorState.readOnly.of(true)))).toBe(false)
    expect(fits(stateOf('x = |').update({ selection: EditorSelection.range(0, 2) }).state)).toBe(false)
    const many = EditorSelection.create([EditorSelection.cursor(0), EditorSelection.cursor(4)])
    expect(fits(stateOf('x = |').update({ selection: many }).state)).toBe(false)
  })
  it('is not where a turn writes, nor in the lines beside it', () => {
    const lines = 'a\nb\nc\nd\ne\n'
    const writing = (line: number) => {
      const state = stateOf(`${lines}|`)
      const at = state.doc.line(line).from
      const stretches = [{ turn: 't', from: at, to: at, owner: null }]
      return state.update({ effects: setMarks.of({ places: [], stretches }) }).state
    }
    expect(fits(writing(6))).toBe(false)
    expect(fits(writing(5))).toBe(false)
    expect(fits(writing(3))).toBe(true)
  })
})

describe('the pace of the endpoint', () => {
  it('makes the pause before a question longer, within bounds', () => {
    expect([patience(10), patience(300), patience(5000), patience(null)]).toEqual([60, 150, 250, 120])
  })
  it('switches suggestions off where they come too late, unless somebody wants them all the same', () => {
    expect([slow(599, 'on'), slow(601, 'on'), slow(601, 'always'), slow(null, 'on')]).toEqual([
      false,
      true,
      false,
      false,
    ])
  })
})

describe('the command for suggestions', () => {
  afterEach(() => {
    about.value = { endpoint: null, ms: null, why: '' }
    pace.value = null
    wish.value = 'on'
  })
  it('says why there are none', () => {
    about.value = { endpoint: null, ms: null, why: 'No model is chosen.' }
    expect(toggle().title).toBe('Suggestions at the cursor: why there are none')
  })
  it('turns them off and on again', () => {
    about.value = { endpoint: 'Fast', ms: 90, why: '' }
    toggle().run()
    expect(wish.value).toBe('off')
    toggle().run()
    expect(wish.value).toBe('on')
  })
  it('turns them on although they are slow, which the status bar offers too', () => {
    about.value = { endpoint: 'Fast', ms: 900, why: '' }
    pace.value = 900
    expect(trouble.value?.text).toBe('Suggestions off: slow')
    toggle().run()
    expect(wish.value).toBe('always')
    expect(trouble.value).toBeNull()
  })
})
