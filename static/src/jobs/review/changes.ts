// What a review says about each file: how many lines, whether it moved under the job's feet, which are chosen.
import { Chunk } from '@codemirror/merge'
import { Text } from '@codemirror/state'
import type { Flag, MergeWish, Review, ReviewFile } from '../../wire'
import { type Choice, mergedWith, takenOf } from './chosen'

// The library's default gives up on scattered changes and paints the whole file as replaced (reference/frontend.md §5).
export const DIFF = { scanLimit: 20_000, timeout: 200 }

export interface Lines {
  added: number
  removed: number
}

function textOf(text: string): Text {
  return Text.of((text.endsWith('\n') ? text : `${text}\n`).split('\n'))
}

function linesIn(text: Text, from: number, to: number): number {
  return from === to
    ? 0
    : text.lineAt(Math.max(from, Math.min(to - 1, text.length))).number - text.lineAt(from).number + 1
}

/** Lines the proposal adds and removes, counted as people count: a missing last newline is no line. */
export function linesOf({ base, proposed }: Pick<ReviewFile, 'base' | 'proposed'>): Lines {
  const [a, b] = [textOf(base), textOf(proposed)]
  if (!base || !proposed) return { added: whole(proposed), removed: whole(base) }
  return Chunk.build(a, b, DIFF).reduce(
    (sum, chunk) => ({
      added: sum.added + linesIn(b, chunk.fromB, chunk.toB),
      removed: sum.removed + linesIn(a, chunk.fromA, chunk.toA),
    }),
    { added: 0, removed: 0 },
  )
}

function whole(text: string): number {
  return text ? text.split('\n').length - (text.endsWith('\n') ? 1 : 0) : 0
}

export type Meanwhile = 'same' | 'changed' | 'conflict'

/** What became of the file's text since the job began. */
export function meanwhile(file: ReviewFile): Meanwhile {
  if (file.conflict) return 'conflict'
  return file.current === file.base || file.current === file.proposed ? 'same' : 'changed'
}

/** The files chosen at first: all that merge without a person deciding something. */
export function firstChoice(files: readonly ReviewFile[]): ReadonlySet<string> {
  return new Set(files.filter((file) => !file.conflict).map((file) => file.path))
}

/** The choice after the review was fetched again: what is gone falls out, what is new comes in unless it conflicts. */
export function keepChoice(
  chosen: ReadonlySet<string>,
  before: readonly ReviewFile[],
  after: readonly ReviewFile[],
): ReadonlySet<string> {
  const known = new Set(before.map((file) => file.path))
  const fresh = firstChoice(after)
  return new Set(
    after.map((file) => file.path).filter((path) => (known.has(path) ? chosen.has(path) : fresh.has(path))),
  )
}

const TO_CONFIRM: ReadonlySet<Flag> = new Set(['hook', 'ci', 'lock', 'config', 'git'])

/** Whether a file is merged only once somebody has said so for it by name. */
export function isFlagged({ flags }: Pick<ReviewFile, 'flags'>): boolean {
  return flags.some((flag) => TO_CONFIRM.has(flag))
}

/** The chosen files that nobody has confirmed yet. */
export function unconfirmed(
  files: readonly ReviewFile[],
  chosen: ReadonlySet<string>,
  confirmed: ReadonlySet<string>,
): string[] {
  return files
    .filter((file) => isFlagged(file) && chosen.has(file.path) && !confirmed.has(file.path))
    .map((file) => file.path)
}

export interface How {
  confirmed: ReadonlySet<string>
  branch: string // '': into the documents only
  message: string
  left?: Choice['left']
}

/** What to send: nothing to name when all are chosen. */
export function mergeBody(
  chosen: ReadonlySet<string>,
  { head, files }: Pick<Review, 'head' | 'files'>,
  how?: How,
): MergeWish {
  const picked = files.map((file) => file.path).filter((path) => chosen.has(path))
  const wish: MergeWish = picked.length === files.length ? { head } : { head, files: picked }
  const confirmed = picked.filter((path) => how?.confirmed.has(path))
  if (confirmed.length) wish.confirmed = confirmed
  const hunks = files.flatMap((file): [string, string[]][] => {
    const taken = takenOf(file, { chosen, left: how?.left ?? new Map() })
    return taken ? [[file.path, taken]] : []
  })
  if (hunks.length) wish.hunks = Object.fromEntries(hunks)
  if (how?.branch) Object.assign(wish, { branch: how.branch, message: how.message.trim() })
  return wish
}

/** The two texts to compare: the result with what the job began with, or with the text as it is now. */
export function compared(
  file: ReviewFile,
  against: 'base' | 'now',
  choice?: Choice,
): Pick<ReviewFile, 'path' | 'base' | 'proposed'> {
  if (against === 'base') return file
  const after = file.status === 'deleted' ? '' : choice ? mergedWith(file, choice) : file.merged
  return { path: file.path, base: file.current, proposed: after }
}

/** The path `by` places from the one shown, staying inside the list. */
export function stepFrom(files: readonly ReviewFile[], shown: string | null, by: number): string | null {
  const at = files.findIndex((file) => file.path === shown)
  return files[Math.max(0, Math.min(files.length - 1, at + by))]?.path ?? null
}
