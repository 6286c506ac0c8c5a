import { EditorState } from '@codemirror/state'
import { expect, test } from 'vitest'
import { changeFor, clashes, placed, setClashes } from '../src/documents/conflict/field'

const hunk = { id: 'a', start: '2', end: '6', ours: 'ours', theirs: 'theirs\n', base: '' }

const after = (text: string, change: ReturnType<typeof changeFor>) =>
  EditorState.create({ doc: text })
    .update(change ? { changes: change } : {})
    .state.doc.toString()

test('a choice keeps ours, takes theirs, or puts theirs behind ours', () => {
  const clash = { from: 2, to: 7, theirs: 'theirs\n' }
  expect(after('a\nours\nb', changeFor('ours', clash, 'ours\n'))).toBe('a\nours\nb')
  expect(after('a\nours\nb', changeFor('theirs', clash, 'ours\n'))).toBe('a\ntheirs\nb')
  expect(after('a\nours\nb', changeFor('both', clash, 'ours\n'))).toBe('a\nours\ntheirs\nb')
})

test('a last line without an end does not run into theirs; deleted lines leave nothing', () => {
  expect(after('a\nours', changeFor('both', { from: 2, to: 6, theirs: 'theirs' }, 'ours'))).toBe('a\nours\ntheirs')
  expect(after('a\nours\n', changeFor('theirs', { from: 2, to: 7, theirs: '' }, 'ours\n'))).toBe('a\n')
  expect(after('a\nb', changeFor('both', { from: 2, to: 2, theirs: 'theirs\n' }, ''))).toBe('a\ntheirs\nb')
})

test('conflicts wait until their text is here', () => {
  expect(placed([hunk], () => null)).toBeNull()
  expect(placed([hunk], Number)).toEqual([{ id: 'a', from: 2, to: 6, theirs: 'theirs\n' }])
})

test('places move with the text around them and are cut to it', () => {
  let state = EditorState.create({ doc: 'a\n👋rs\nb', extensions: clashes })
  state = state.update({ effects: setClashes.of(placed([hunk], Number) ?? []) }).state
  state = state.update({ changes: { from: 0, insert: 'xy' } }).state
  expect(state.field(clashes)).toMatchObject([{ from: 4, to: 8 }])
  state = state.update({ changes: { from: 0, to: state.doc.length } }).state
  expect(state.field(clashes)).toMatchObject([{ from: 0, to: 0 }])
})
