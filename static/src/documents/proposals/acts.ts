// Deciding on hunks: one op each, waiting while it is under way, its failure shown.
import type { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { signal } from '@preact/signals'
import { tell } from '../../sessions/acts'
import { say } from '../../sessions/say'
import { words } from '../../ui/words/sessions'
import type { Id } from '../../wire'
import type { Live } from '../../workspace/live'
import { keyOf, marks, neighbour, type Place, sizeOf } from './field'

export type Verdict = 'accept' | 'reject'

/** What is being decided: hunks by `proposal/hunk`, whole proposals by `proposal/all`. */
export const deciding = signal<ReadonlySet<string>>(new Set())

export async function decide(live: Live, proposal: Id, hunks: string[] | 'all', verdict: Verdict): Promise<void> {
  const keys = hunks === 'all' ? [`${proposal}/all`] : hunks.map((hunk) => keyOf({ proposal, hunk }))
  if (keys.some((key) => deciding.peek().has(key))) return
  deciding.value = new Set([...deciding.peek(), ...keys])
  const done = await tell(live.call(`proposal.${verdict}`, { proposal, hunks }))
  deciding.value = new Set([...deciding.peek()].filter((key) => !keys.includes(key)))
  if (done) say(verdict === 'accept' ? words.says.accepted : words.says.rejected)
}

export async function decideAll(live: Live, state: EditorState, verdict: Verdict): Promise<void> {
  const found = new Set(state.field(marks).places.map((place) => place.proposal))
  await Promise.all([...found].map((proposal) => decide(live, proposal, 'all', verdict)))
}

/** Put the cursor on the next (previous) hunk; false if there is none. */
export function go(view: EditorView, way: 1 | -1): boolean {
  const place = neighbour(view.state, way)
  if (!place) return false
  view.dispatch({ selection: { anchor: place.from }, effects: EditorView.scrollIntoView(place.from, { y: 'center' }) })
  say(described(view.state, place))
  return true
}

function described(state: EditorState, place: Place): string {
  const { places } = state.field(marks)
  return `${words.nth(places.indexOf(place) + 1, places.length)}: ${words.linesChanged(...sizeOf(place))}`
}

/** Decide on the hunk people act on now; false if there is none. */
export function decideHere(live: Live, place: Place | null, verdict: Verdict): boolean {
  if (!place) return false
  if (place.pen) say(words.penned)
  else void decide(live, place.proposal, [place.hunk], verdict)
  return true
}
