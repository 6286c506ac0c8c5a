// What is one's own and unsaved, told apart from what others wrote; as a patch, and made again over another text.
import { EditorState, type TransactionSpec } from '@codemirror/state'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { remote } from '../src/documents/binding'
import { difference, Mine } from '../src/documents/mine'
import { Stream } from '../src/documents/parse'
import { again, patchOf } from '../src/documents/patch'

function written(text: string, ...edits: (TransactionSpec & { theirs?: boolean })[]) {
  const mine = new Mine()
  let state = EditorState.create({ doc: text })
  for (const { theirs, ...spec } of edits) {
    const transaction = state.update({ ...spec, ...(theirs && { annotations: remote.of(true) }) })
    mine.take(transaction)
    state = transaction.state
  }
  return { mine, state }
}

test('the text without my edits has what others wrote meanwhile', () => {
  const { mine, state } = written(
    'a b c',
    { changes: { from: 1, insert: ' mine' } },
    { changes: { from: 0, insert: 'theirs ' }, theirs: true },
    { changes: { from: 14, to: 15 } },
  )
  expect(mine.without(state.doc)).toBe('theirs a b c')
  const again = Mine.fromJSON(JSON.parse(JSON.stringify(mine.toJSON())))
  expect(again.without(state.doc)).toBe('theirs a b c')
})

test('of what was kept without its own part, the text without it is not known', () => {
  expect(Mine.fromJSON(null).without(EditorState.create({ doc: 'x' }).doc)).toBeNull()
})

test('a patch shows lines with what is around them', () => {
  const base = Array.from({ length: 12 }, (_, n) => `line ${n + 1}`).join('\n')
  const text = base.replace('line 6', 'line six 🦄')
  expect(patchOf('a.py', base, text)).toBe(
    [
      ...['--- a/a.py', '+++ b/a.py', '@@ -3,7 +3,7 @@', ' line 3', ' line 4', ' line 5'],
      ...['-line 6', '+line six 🦄', ' line 7', ' line 8', ' line 9', ''],
    ].join('\n'),
  )
})

test('made again over a text that has changed, both are in it', () => {
  const now = 'zero\none\ntwo\nthree\n'
  const made = EditorState.create({ doc: now }).update({ changes: again('one\ntwo\n', 'one\ntwo mine\n', now) })
  expect(made.state.doc.toString()).toBe('zero\none\ntwo mine\nthree\n')
})

test('the one change from a text to another makes the other', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b', '\n') }),
      fc.string({ unit: fc.constantFrom('a', 'b') }),
      (a, b) => {
        const made = EditorState.create({ doc: a }).update({ changes: difference(a, b) })
        expect(made.state.doc.toString()).toBe(b)
      },
    ),
  )
})

test('text streams in when changes follow each other closely, and the end is told once', async () => {
  let ends = 0
  const stream = new Stream(() => ends++)
  for (let at = 0; at < 10; at++) stream.note(1000 + at * 400) // somebody types
  expect(stream.on).toBe(false)
  for (let at = 0; at < 10; at++) stream.note(9000 + at * 16)
  expect(stream.on).toBe(true)
  await expect.poll(() => ends).toBe(1)
  expect(stream.on).toBe(false)
})
