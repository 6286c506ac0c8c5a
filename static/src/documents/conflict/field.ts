// Where conflicts with the disk stand in one editor's text: absolute places, carried through every change. Pure state.
import { type ChangeDesc, type EditorState, StateEffect, StateField } from '@codemirror/state'
import type { Anchor, DiskConflict, Id } from '../../wire'

/** [from, to) is what stands here; equal when these lines are gone here. */
export interface Clash {
  readonly id: Id
  readonly from: number
  readonly to: number
  readonly theirs: string
}

export const setClashes = StateEffect.define<readonly Clash[]>()

export const clashes = StateField.define<readonly Clash[]>({
  create: () => [],
  update(value, tr) {
    let next = tr.docChanged ? mapped(value, tr.changes) : value
    for (const effect of tr.effects) if (effect.is(setClashes)) next = within(effect.value, tr.state)
    return next
  },
})

export function mapped(list: readonly Clash[], changes: ChangeDesc): readonly Clash[] {
  return list.map((one) => {
    const from = changes.mapPos(one.from, one.from === one.to ? -1 : 1)
    return { ...one, from, to: Math.max(from, changes.mapPos(one.to, -1)) }
  })
}

function within(list: readonly Clash[], state: EditorState): readonly Clash[] {
  const end = state.doc.length
  const cut = list.map((one) => ({ ...one, from: Math.min(one.from, end), to: Math.min(one.to, end) }))
  return cut.sort((a, b) => a.from - b.from)
}

/** The conflicts at their places; null if one points to text that is not here yet. */
export function placed(
  hunks: readonly DiskConflict[],
  posOf: (anchor: Anchor) => number | null,
): readonly Clash[] | null {
  const found: Clash[] = []
  for (const { id, start, end, theirs } of hunks) {
    const [from, to] = [posOf(start), posOf(end)]
    if (from === null || to === null) return null
    found.push({ id, from, to: Math.max(from, to), theirs })
  }
  return found
}

export type Verdict = 'ours' | 'theirs' | 'both'

/** The change that a choice makes to the text [from, to); null where ours stays as it is. */
export function changeFor(verdict: Verdict, { from, to, theirs }: Omit<Clash, 'id'>, ours: string) {
  if (verdict === 'ours') return null
  if (verdict === 'theirs') return { from, to, insert: theirs }
  const apart = ours && !ours.endsWith('\n') && theirs ? '\n' : ''
  return { from: to, to, insert: apart + theirs }
}
