// Which changes of each file are taken: a file whole, some of its hunks, or nothing of it. Pure.
import type { ReviewFile } from '../../wire'

export interface Choice {
  chosen: ReadonlySet<string> // files, by path
  left: ReadonlyMap<string, ReadonlySet<string>> // by path of a chosen file: the ids of hunks that are left out; never all
}

type Divided = Pick<ReviewFile, 'path' | 'status' | 'text' | 'hunks'>

/** Whether there is something to choose within the file: others are taken whole. */
export function divisible({ status, text, hunks }: Pick<Divided, 'status' | 'text' | 'hunks'>): boolean {
  return status === 'changed' && text && hunks.length > 1
}

export function isTaken({ chosen, left }: Choice, path: string, id: string): boolean {
  return chosen.has(path) && !left.get(path)?.has(id)
}

/** The ids that are taken, in order; null where the file is taken whole or not at all. */
export function takenOf(file: Divided, { chosen, left }: Choice): string[] | null {
  const out = left.get(file.path)
  if (!chosen.has(file.path) || !out?.size || !divisible(file)) return null
  return file.hunks.map((hunk) => hunk.id).filter((id) => !out.has(id))
}

/** One hunk is taken or left; a file of which nothing is taken is not chosen. */
export function withHunk(choice: Choice, file: Divided, id: string, take: boolean): Choice {
  const out = new Set(file.hunks.map((hunk) => hunk.id).filter((one) => !isTaken(choice, file.path, one)))
  if (take) out.delete(id)
  else out.add(id)
  return withOut(choice, file, out)
}

function withOut({ chosen, left }: Choice, { path, hunks }: Divided, out: ReadonlySet<string>): Choice {
  const files = new Set(chosen)
  const next = new Map(left)
  next.delete(path)
  if (out.size === hunks.length) files.delete(path)
  else {
    files.add(path)
    if (out.size) next.set(path, out)
  }
  return { chosen: files, left: next }
}

/** A file is taken whole, or not at all. */
export function withFile({ chosen, left }: Choice, path: string, take: boolean): Choice {
  const files = new Set(chosen)
  if (take) files.add(path)
  else files.delete(path)
  return { chosen: files, left: new Map([...left].filter(([one]) => one !== path)) }
}

/** What is still left out once the result was fetched again: hunks that are gone fall out of it. */
export function keepLeft({ chosen, left }: Choice, after: readonly Divided[]): Choice {
  const start: Choice = { chosen, left: new Map() }
  return after.reduce((choice, file) => {
    const out = file.hunks.map((hunk) => hunk.id).filter((id) => left.get(file.path)?.has(id))
    return out.length && chosen.has(file.path) && divisible(file) ? withOut(choice, file, new Set(out)) : choice
  }, start)
}

/** The file's text as it is now with what is taken in it; what needs a rebase stays as people have it. */
export function mergedWith(file: ReviewFile, choice: Choice): string {
  if (!takenOf(file, choice)) return file.merged
  const now = linesOf(file.current)
  const proposed = linesOf(file.proposed)
  for (const hunk of file.hunks.toReversed()) {
    if (hunk.state !== 'applies' || !isTaken(choice, file.path, hunk.id)) continue
    now.splice(hunk.current[0], hunk.current[1] - hunk.current[0], ...proposed.slice(...hunk.proposed))
  }
  return now.join('')
}

const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

/** The id `by` places from this one; from none, the first or the last. */
export function hunkFrom({ hunks }: Divided, id: string | null, by: 1 | -1): string | null {
  const at = hunks.findIndex((hunk) => hunk.id === id)
  const next = at < 0 ? (by > 0 ? 0 : hunks.length - 1) : Math.max(0, Math.min(hunks.length - 1, at + by))
  return hunks[next]?.id ?? null
}
