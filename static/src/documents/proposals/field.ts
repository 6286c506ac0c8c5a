// Where proposals and running turns stand in one editor's text: absolute places, carried through every change.
// Pure state: what puts it in (anchors resolved) is proposals.ts, what draws it proposals-draw.ts.
import { type ChangeDesc, type EditorState, StateEffect, StateField, type Text } from '@codemirror/state'
import type { Id, Person } from '../../wire'

/** An open hunk. [from, to) encloses the `added` lines of it that are in the text; from = to when it only took lines out.
 * Of one that waits those are the lines it would take out. */
export interface Place {
  readonly proposal: Id
  readonly hunk: string
  readonly from: number
  readonly to: number
  readonly removed: readonly string[]
  readonly added: number
  readonly writing: boolean
  readonly pen?: boolean // still being written: it cannot be decided on yet
  readonly lines?: readonly string[] // it waits: these are not in the text yet, and [from, to) would go
}

/** What a running turn writes now: its end is the model's caret. */
export interface Stretch {
  readonly turn: Id
  readonly from: number
  readonly to: number
  readonly owner: Person | null
}

export interface Marks {
  readonly places: readonly Place[] // by position
  readonly stretches: readonly Stretch[]
  readonly hover: string | null // key of the hunk under the pointer
}

export const NO_MARKS: Marks = { places: [], stretches: [], hover: null }

export const setMarks = StateEffect.define<Pick<Marks, 'places' | 'stretches'>>()
export const setHover = StateEffect.define<string | null>()

export const marks = StateField.define<Marks>({
  create: () => NO_MARKS,
  update(value, tr) {
    let next = tr.docChanged ? mapped(value, tr.changes) : value
    // Who moves the cursor means the hunk there, not the one the pointer rests on.
    if (tr.selection && next.hover !== null) next = { ...next, hover: null }
    for (const effect of tr.effects) {
      if (effect.is(setMarks)) next = within({ ...effect.value, hover: next.hover }, tr.state.doc.length)
      if (effect.is(setHover) && effect.value !== next.hover) next = { ...next, hover: effect.value }
    }
    return next
  },
})

export function keyOf(place: Pick<Place, 'proposal' | 'hunk'>): string {
  return `${place.proposal}/${place.hunk}`
}

/** The marks after a change. What is typed right before or behind a finished hunk is not part of it; what arrives at the
 * end of one that is still written is. */
export function mapped(value: Marks, changes: ChangeDesc): Marks {
  if (value.places.length === 0 && value.stretches.length === 0) return value
  const places = value.places.map((place) => ({ ...place, ...span(place, changes, place.writing) }))
  const stretches = value.stretches.map((stretch) => ({ ...stretch, ...span(stretch, changes, true) }))
  return { ...value, places, stretches }
}

function span(range: { from: number; to: number }, changes: ChangeDesc, grows: boolean): { from: number; to: number } {
  const from = changes.mapPos(range.from, grows ? -1 : 1)
  return { from, to: Math.max(from, changes.mapPos(range.to, grows ? 1 : -1)) }
}

/** Positions cut to the text: an anchor may be ahead of the editor by a frame. */
function within(value: Marks, length: number): Marks {
  const cut = <T extends { from: number; to: number }>(one: T): T => {
    const from = Math.min(one.from, length)
    return { ...one, from, to: Math.max(from, Math.min(one.to, length)) }
  }
  const places = value.places.map(cut).sort((a, b) => a.from - b.from)
  return { ...value, places, stretches: value.stretches.map(cut) }
}

/** Lines it puts in and takes out. */
export function sizeOf(place: Place): [number, number] {
  return place.lines ? [place.lines.length, place.added] : [place.added, place.removed.length]
}

/** First and last line (numbers) a place put in (would take out, where it waits), or null if there are none. */
export function linesOf(
  doc: Text,
  place: { from: number; to: number; added?: number },
): { first: number; last: number } | null {
  if (place.added === 0) return null
  const first = doc.lineAt(place.from).number
  const end = doc.lineAt(place.to)
  const last = place.to > place.from && place.to === end.from ? end.number - 1 : end.number
  return { first, last: Math.max(first, last) }
}

/** The hunk whose lines hold `pos`; for one that only removed, the line it stood before. */
export function placeAt(state: EditorState, pos: number): Place | null {
  const line = state.doc.lineAt(pos).number
  return state.field(marks).places.find((place) => holds(state.doc, place, line)) ?? null
}

function holds(doc: Text, place: Place, line: number): boolean {
  const lines = linesOf(doc, place)
  return lines ? line >= lines.first && line <= lines.last : line === doc.lineAt(place.from).number
}

/** The hunk people act on: under the pointer, else where the cursor is, else the nearest one. */
export function currentPlace(state: EditorState): Place | null {
  const { places, hover } = state.field(marks)
  const pointed = hover === null ? undefined : places.find((place) => keyOf(place) === hover)
  return pointed ?? placeAt(state, state.selection.main.head) ?? nearest(places, state.selection.main.head)
}

function nearest(places: readonly Place[], pos: number): Place | null {
  const far = (place: Place) => (pos < place.from ? place.from - pos : pos > place.to ? pos - place.to : 0)
  return places.reduce<Place | null>((best, place) => (best && far(best) <= far(place) ? best : place), null)
}

/** The next hunk after (before) the cursor, going round at the end. */
export function neighbour(state: EditorState, way: 1 | -1): Place | null {
  const { places } = state.field(marks)
  const here = placeAt(state, state.selection.main.head)
  if (here) return places[(places.indexOf(here) + way + places.length) % places.length] ?? null
  const head = state.selection.main.head
  const after = places.findIndex((place) => place.from > head)
  const at = way === 1 ? Math.max(after, 0) : (after < 0 ? places.length : after) - 1
  return places[(at + places.length) % places.length] ?? null
}
