import { describe, expect, it } from 'vitest'
import { firstChoice, keepChoice, linesOf, meanwhile, mergeBody, stepFrom } from '../src/jobs/review/changes'
import type { ReviewFile } from '../src/wire'

const file = (part: Partial<ReviewFile>): ReviewFile => ({
  path: 'a.py',
  status: 'changed',
  base: 'a\n',
  proposed: 'b\n',
  current: 'a\n',
  merged: 'b\n',
  conflict: false,
  flags: [],
  text: true,
  hunks: [],
  ...part,
})

describe('lines of a change', () => {
  it.each([
    ['one line replaced', 'a\nb\nc\n', 'a\nX\nc\n', 1, 1],
    ['two lines put in', 'a\nc\n', 'a\nb\nb2\nc\n', 2, 0],
    ['a line taken out at the end', 'a\nb\n', 'a\n', 0, 1],
    ['a new file', '', 'a\nb\n', 2, 0],
    ['a new file without a last newline', '', 'a\nb', 2, 0],
    ['a deleted file', 'a\nb\n', '', 0, 2],
    ['nothing', 'a\n', 'a\n', 0, 0],
    ['a line at the very end', 'a', 'a\nb', 1, 0],
  ])('%s', (_what, base, proposed, added, removed) => {
    const counted = linesOf({ base, proposed })
    expect(counted).toEqual({ added, removed })
  })
})

describe('a review', () => {
  it('knows whether the text moved since the job began', () => {
    expect(meanwhile(file({}))).toBe('same')
    expect(meanwhile(file({ current: 'b\n' }))).toBe('same')
    expect(meanwhile(file({ current: 'a\nmore\n' }))).toBe('changed')
    expect(meanwhile(file({ current: 'c\n', conflict: true }))).toBe('conflict')
  })

  const files = [file({ path: 'a' }), file({ path: 'b', conflict: true }), file({ path: 'c' })]

  it('first chooses what merges without a decision', () => {
    expect([...firstChoice(files)]).toEqual(['a', 'c'])
  })

  it('keeps the choice when it is fetched again', () => {
    const chosen = new Set(['b'])
    const after = [...files.slice(1), file({ path: 'd' })]
    expect([...keepChoice(chosen, files, after)]).toEqual(['b', 'd'])
  })

  it('names files to merge only when not all are chosen', () => {
    expect(mergeBody(new Set(['c', 'a']), { head: 'h', files })).toEqual({ head: 'h', files: ['a', 'c'] })
    expect(mergeBody(new Set(['a', 'b', 'c']), { head: 'h', files })).toEqual({ head: 'h' })
  })

  it('steps through the files and stops at both ends', () => {
    expect(stepFrom(files, 'a', 1)).toBe('b')
    expect(stepFrom(files, 'c', 1)).toBe('c')
    expect(stepFrom(files, 'a', -1)).toBe('a')
    expect(stepFrom([], null, 1)).toBeNull()
  })
})
