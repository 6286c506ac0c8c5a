// Text that was set aside, as a patch to read and as a change to make again.
import { diff } from '@codemirror/merge'
import { ChangeSet, type Text } from '@codemirror/state'
import { textOf } from './mine'

const AROUND = 3 // lines of context
const CARE = { scanLimit: 20_000, timeout: 200 }

export function changesOf(before: string, after: string): ChangeSet {
  const parts = diff(before, after, CARE)
  const specs = parts.map((p) => ({ from: p.fromA, to: p.toA, insert: textOf(after.slice(p.fromB, p.toB)) }))
  return ChangeSet.of(specs, before.length, '\n')
}

// The change from base to text, carried over to the text as it is now.
export function again(base: string, text: string, now: string): ChangeSet {
  return changesOf(base, text).map(changesOf(base, now))
}

interface Hunk {
  from: number // lines of the base, counted from 0; `to` is not part of it
  to: number
  fromB: number
  toB: number
}

export interface PatchLine {
  sign: ' ' | '+' | '-' | '@'
  text: string
}

// A unified diff by lines.
export function patchLines(base: string, text: string): PatchLine[] {
  const [a, b] = [textOf(base), textOf(text)]
  return groups(hunks(changesOf(base, text), a, b), a.lines).flatMap((group) => {
    const first = group[0]!
    const last = group.at(-1)!
    const from = Math.max(0, first.from - AROUND)
    const to = Math.min(a.lines, last.to + AROUND)
    const fromB = first.fromB - (first.from - from)
    const toB = last.toB + (to - last.to)
    const lines: PatchLine[] = [{ sign: '@', text: `@@ -${from + 1},${to - from} +${fromB + 1},${toB - fromB} @@` }]
    let at = from
    for (const hunk of group) {
      lines.push(...read(a, at, hunk.from, ' '), ...read(a, hunk.from, hunk.to, '-'))
      lines.push(...read(b, hunk.fromB, hunk.toB, '+'))
      at = hunk.to
    }
    return [...lines, ...read(a, at, to, ' ')]
  })
}

export const patchOf = (path: string, base: string, text: string) =>
  [
    `--- a/${path}`,
    `+++ b/${path}`,
    ...patchLines(base, text).map((l) => (l.sign === '@' ? l.text : l.sign + l.text)),
    '',
  ].join('\n')

const read = (doc: Text, from: number, to: number, sign: PatchLine['sign']): PatchLine[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => ({ sign, text: doc.line(from + at + 1).text }))

function hunks(changes: ChangeSet, a: Text, b: Text): Hunk[] {
  const found: Hunk[] = []
  changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    const next = {
      from: a.lineAt(fromA).number - 1,
      to: a.lineAt(toA).number,
      fromB: b.lineAt(fromB).number - 1,
      toB: b.lineAt(toB).number,
    }
    const last = found.at(-1)
    if (last && next.from < last.to) Object.assign(last, { to: next.to, toB: next.toB })
    else found.push(next)
  })
  return found
}

function groups(list: Hunk[], lines: number): Hunk[][] {
  const found: Hunk[][] = []
  for (const hunk of list) {
    const last = found.at(-1)?.at(-1)
    if (last && hunk.from - last.to <= AROUND * 2 && last.to < lines) found.at(-1)!.push(hunk)
    else found.push([hunk])
  }
  return found
}
