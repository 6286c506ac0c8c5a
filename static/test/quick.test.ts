import { javascript } from '@codemirror/lang-javascript'
import { python } from '@codemirror/lang-python'
import { EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import { remote } from '../src/documents/binding'
import { ghost } from '../src/documents/ghost/field'
import { likely, madeIn, nextEdit } from '../src/documents/ghost/next'
import { definitionAt, placeOf, problemIn, rangeToFix } from '../src/documents/quick/place'
import { target } from '../src/sessions/inline/edit'

const CODE = 'import os\n\n\n@cached\ndef one(a):\n    return a\n\n\ndef two(b):\n    return b\n'

/** `|` is the cursor. */
function stateOf(text: string, language = python()) {
  const at = text.indexOf('|')
  const extensions = [language, ghost, nextEdit, target]
  return EditorState.create({ doc: text.replace('|', ''), selection: { anchor: Math.max(0, at) }, extensions })
}
const cut = (state: EditorState, range: { from: number; to: number } | null) =>
  range && state.sliceDoc(range.from, range.to)

describe('what a quick action is about', () => {
  it('is the definition around the cursor with what decorates it, else the line', () => {
    const inside = stateOf(CODE.replace('return a', 'return |a'))
    expect(cut(inside, placeOf(inside))).toBe('@cached\ndef one(a):\n    return a')
    const head = stateOf(CODE.replace('def two', '|def two'))
    expect(cut(head, placeOf(head))).toBe('def two(b):\n    return b')
    const line = stateOf(CODE.replace('import', 'imp|ort'))
    expect(cut(line, placeOf(line))).toBe('import os')
  })
  it('is the selection where there is one', () => {
    const state = stateOf(CODE).update({ selection: { anchor: 2, head: 6 } }).state
    expect(cut(state, placeOf(state))).toBe('port')
  })
  it('is found in other languages too', () => {
    const state = stateOf('export function f(a) {\n  return |a\n}\n', javascript())
    expect(cut(state, definitionAt(state, state.selection.main.head))).toBe('export function f(a) {\n  return a\n}')
  })
})

describe('a syntax problem', () => {
  it('is found in its line and told with it, and the definition around it is what is rewritten', () => {
    const state = stateOf('def f(a):\n    return a +* 2|\n\n\ndef g():\n    pass\n')
    const problem = problemIn(state, placeOf(state))
    expect(problem?.line).toBe(2)
    expect(problem?.text).toContain('return a +* 2')
    expect(problem && cut(state, rangeToFix(state, problem))).toContain('def f(a):\n    return a +* 2')
  })
  it('is not there in code the grammar can read, nor in what it has no grammar for', () => {
    const state = stateOf(CODE.replace('return a', 'return |a'))
    expect(problemIn(state, placeOf(state))).toBeNull()
    const plain = EditorState.create({ doc: 'if (((', extensions: [ghost, target] })
    expect(problemIn(plain, { from: 0, to: 6 })).toBeNull()
  })
})

describe('the next edit', () => {
  /** Replace the first place where `old` stands behind `mark`, as a person types it: letter by letter. */
  function rename(state: EditorState, mark: string, old: string, now: string) {
    const from = state.doc.toString().indexOf(old, state.doc.toString().indexOf(mark))
    let next = state.update({ changes: { from, to: from + old.length }, userEvent: 'delete.selection' }).state
    for (let n = 0; n < now.length; n++) {
      const at = from + n
      const change = { changes: { from: at, insert: now[n]! }, selection: { anchor: at + 1 } }
      next = next.update({ ...change, userEvent: 'input.type' }).state
    }
    return next
  }
  const TEXT =
    'def area(width, height):\n    # width in metres\n    return width * height\n\n\nprint("width", area(1, 2))\n'

  it('is the next use of a name that was changed where it is made, not in comments and strings', () => {
    const next = likely(rename(stateOf(TEXT), 'area', 'width', 'wide'))
    expect(next).toMatchObject({ old: 'width', now: 'wide', left: 1 })
    expect(TEXT.slice(next!.from + 1, next!.to + 1)).toBe('width') // one letter shorter above
    expect(likely(rename(stateOf(TEXT), 'def', 'area', 'surface'))).toMatchObject({ now: 'surface', left: 1 })
  })
  it('is nothing after one change of a use, and the same change after two', () => {
    const text = 'a = load(one)\nb = load(two)\nc = load(six)\n'
    const once = rename(stateOf(text), 'a', 'load', 'read')
    expect(likely(once)).toBeNull()
    const twice = rename(once, 'b', 'load', 'read')
    expect(likely(twice)).toMatchObject({ old: 'load', now: 'read', left: 1 })
  })
  it('follows what others write meanwhile', () => {
    const renamed = rename(stateOf(TEXT), 'area', 'width', 'wide')
    const state = renamed.update({ changes: { from: 0, insert: '# new\n' }, annotations: remote.of(true) }).state
    expect(likely(state)).toMatchObject({ old: 'width', now: 'wide' })
  })
  it('is nothing when a name became no name, or was put back', () => {
    expect(likely(rename(stateOf(TEXT), 'area', 'width', '1.5'))).toBeNull()
    expect(likely(rename(stateOf(TEXT), 'area', 'width', 'width'))).toBeNull()
  })
  it('stays in the definition where the name is one of its own', () => {
    const text = 'def one(size):\n    return size\n\n\ndef two(size):\n    return size\n'
    const next = likely(rename(stateOf(text), 'one', 'size', 'length'))
    expect(next).toMatchObject({ left: 1 })
    expect(next!.from).toBeLessThan(text.indexOf('def two'))
    const whole = 'SIZE = 1\n\n\ndef two():\n    return SIZE\n'
    expect(likely(rename(stateOf(whole), 'SIZE', 'SIZE', 'LENGTH'))).toMatchObject({ left: 1 })
  })
  it('is nothing while something new is written, and there when that is changed', () => {
    const write = (state: EditorState, text: string) =>
      [...text].reduce((now, letter) => {
        const at = now.selection.main.head
        const change = { changes: { from: at, insert: letter }, selection: { anchor: at + 1 } }
        return now.update({ ...change, userEvent: 'input.type' }).state
      }, state)
    const written = write(stateOf('if a is b:\n    pass\n|'), 'def is_even(value):\n    return value')
    expect(likely(written)).toBeNull()
    expect(likely(rename(written, 'def', 'value', 'n'))).toMatchObject({ old: 'value', now: 'n', left: 1 })
  })
  it('knows where names are made', () => {
    const made = (line: string, name: string) => madeIn(line, line.indexOf(name), line.indexOf(name) + name.length)
    expect(made('def total(a)', 'total')).toBe('file')
    expect(made('class total:', 'total')).toBe('file')
    for (const line of ['const total = 1', 'total = 1', 'total: int = 1', 'def f(total)'])
      expect(made(line, 'total')).toBe('local')
    for (const line of ['print(total)', 'total == 1', 'x = total', 'total(a)']) expect(made(line, 'total')).toBe('')
  })
})
