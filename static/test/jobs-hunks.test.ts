import { describe, expect, it } from 'vitest'
import { compared, mergeBody } from '../src/jobs/review/changes'
import {
  type Choice,
  divisible,
  hunkFrom,
  isTaken,
  keepLeft,
  mergedWith,
  takenOf,
  withFile,
  withHunk,
} from '../src/jobs/review/chosen'
import type { ReviewFile, ReviewHunk } from '../src/wire'

const hunk = (id: string, at: [number, number], current: [number, number], state: ReviewHunk['state'] = 'applies') =>
  ({ id, base: at, proposed: at, current, state }) satisfies ReviewHunk

const file: ReviewFile = {
  path: 'a.py',
  status: 'changed',
  base: 'a\nb\nc\nd\ne\n',
  proposed: 'A\nb\nC\nd\nE\n',
  current: 'new\na\nb\nc\nd\nmine\n',
  merged: 'new\nA\nb\nC\nd\nmine\n',
  conflict: true,
  flags: [],
  text: true,
  hunks: [hunk('one', [0, 1], [1, 2]), hunk('two', [2, 3], [3, 4]), hunk('three', [4, 5], [5, 6], 'stale')],
}
const all: Choice = { chosen: new Set(['a.py']), left: new Map() }
const none: Choice = { chosen: new Set(), left: new Map() }

describe('the changes that are taken', () => {
  it('are all of a chosen file, until one is left out', () => {
    expect(takenOf(file, all)).toBeNull()
    const less = withHunk(all, file, 'two', false)
    expect(takenOf(file, less)).toEqual(['one', 'three'])
    expect(isTaken(less, 'a.py', 'two')).toBe(false)
    expect(withHunk(less, file, 'two', true)).toEqual(all)
  })

  it('are none of a file that is not chosen; the first to be taken chooses it', () => {
    expect(takenOf(file, none)).toBeNull()
    expect(takenOf(file, withHunk(none, file, 'three', true))).toEqual(['three'])
  })

  it('leave no file chosen of which nothing is taken', () => {
    const empty = file.hunks.reduce((choice, { id }) => withHunk(choice, file, id, false), all)
    expect(empty).toEqual(none)
  })

  it('are all or none again once the file is chosen by its name', () => {
    const less = withHunk(all, file, 'two', false)
    expect(withFile(less, 'a.py', false)).toEqual(none)
    expect(withFile(withFile(less, 'a.py', false), 'a.py', true)).toEqual(all)
  })

  it('stay left out when the result is fetched again, as far as they are still there', () => {
    const less = withHunk(withHunk(all, file, 'two', false), file, 'one', false)
    const after = { ...file, hunks: file.hunks.slice(1) }
    expect(takenOf(after, keepLeft(less, [after]))).toEqual(['three'])
    expect(keepLeft(less, [{ ...file, hunks: file.hunks.slice(2) }])).toEqual(all)
    expect(keepLeft({ ...less, chosen: new Set() }, [file])).toEqual(none)
  })

  it('are named in what is sent, of files that are taken in part only', () => {
    const { chosen, left } = withHunk(all, file, 'two', false)
    const how = { confirmed: new Set<string>(), branch: '', message: '', left }
    expect(mergeBody(chosen, { head: 'h', files: [file] }, how)).toEqual({
      head: 'h',
      hunks: { 'a.py': ['one', 'three'] },
    })
    expect(mergeBody(new Set(), { head: 'h', files: [file] }, how)).toEqual({ head: 'h', files: [] })
  })

  it('stand in the text as it will be; what needs a rebase does not', () => {
    expect(mergedWith(file, all)).toBe(file.merged)
    const less = withHunk(all, file, 'two', false)
    expect(mergedWith(file, less)).toBe('new\nA\nb\nc\nd\nmine\n')
    expect(compared(file, 'now', less).proposed).toBe('new\nA\nb\nc\nd\nmine\n')
  })

  it('are chosen within changed text files of several changes only', () => {
    expect(divisible(file)).toBe(true)
    expect(divisible({ ...file, status: 'added' })).toBe(false)
    expect(divisible({ ...file, text: false })).toBe(false)
    expect(divisible({ ...file, hunks: file.hunks.slice(1, 2) })).toBe(false)
  })

  it('are gone through in order, and end at both ends', () => {
    expect([hunkFrom(file, null, 1), hunkFrom(file, null, -1)]).toEqual(['one', 'three'])
    expect([hunkFrom(file, 'one', 1), hunkFrom(file, 'three', 1), hunkFrom(file, 'one', -1)]).toEqual([
      'two',
      'three',
      'one',
    ])
  })
})
