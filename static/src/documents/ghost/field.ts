// The suggestion an editor shows: where it stands, how it follows what is typed, how it is drawn. It is no part of the
// text before it is taken, and nothing moves because of it: lines below the first lie over the text.
import { type EditorState, StateEffect, StateField, type Transaction } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { ghost as words } from '../../ui/words/editing'
import { remote } from '../binding'

export interface Ghost {
  readonly at: number
  readonly text: string
}

export const setGhost = StateEffect.define<Ghost | null>()

export const ghost = StateField.define<Ghost | null>({
  create: () => null,
  update(value, tr) {
    let next = value
    if (next && tr.docChanged) next = carried(next, tr)
    const { main, ranges } = tr.newSelection
    if (next && (ranges.length > 1 || !main.empty || main.head !== next.at)) next = null
    for (const effect of tr.effects) if (effect.is(setGhost)) next = effect.value
    return next
  },
  provide: (field) => EditorView.decorations.compute([field], (state) => drawn(state, state.field(field))),
})

/** The suggestion after a change: shorter by what was typed along it, gone if something else was typed there. */
function carried(value: Ghost, tr: Transaction): Ghost | null {
  if (tr.annotation(remote)) {
    const line = tr.startState.doc.lineAt(value.at)
    if (tr.changes.touchesRange(line.from, line.to)) return null
    return { ...value, at: tr.changes.mapPos(value.at) }
  }
  let typed: string | null = null
  let others = 0
  tr.changes.iterChanges((from, to, _from, _to, inserted) => {
    if (from === value.at && to === value.at) typed = inserted.toString()
    else others++
  })
  if (typed === null || others) return null
  const text: string = typed
  if (!value.text.startsWith(text) || value.text.length === text.length) return null
  return { at: value.at + text.length, text: value.text.slice(text.length) }
}

const WORD = /^\s*(?:[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]+)/u
const LINE = /^\n*[^\n]+/

export type Part = 'all' | 'word' | 'line'

/** The beginning of a suggestion that is taken at once. */
export function partOf(text: string, part: Part): string {
  if (part === 'all') return text
  return (part === 'word' ? WORD : LINE).exec(text)?.[0] ?? text
}

/** Put what is shown, or its beginning, into the text: an edit of the person who takes it. */
export function take(view: EditorView, part: Part): boolean {
  const shown = view.state.field(ghost, false)
  if (!shown || view.state.readOnly) return false
  const insert = partOf(shown.text, part)
  view.dispatch({
    changes: { from: shown.at, insert },
    selection: { anchor: shown.at + insert.length },
    userEvent: 'input.complete',
    scrollIntoView: true,
  })
  taken.count += 1
  return true
}

export function dismiss(view: EditorView): boolean {
  if (!view.state.field(ghost, false)) return false
  view.dispatch({ effects: setGhost.of(null) })
  return true
}

// Who has taken a few knows the key.
const KNOWN = 3
const KEY = 'tandem.ghost.taken'
export const taken = {
  get count() {
    return Number(localStorage.getItem(KEY) ?? 0)
  },
  set count(n: number) {
    if (n <= KNOWN) localStorage.setItem(KEY, String(n))
  },
}

class Words extends WidgetType {
  constructor(
    readonly text: string,
    readonly hint: boolean,
  ) {
    super()
  }
  override eq(other: Words) {
    return this.text === other.text && this.hint === other.hint
  }
  toDOM() {
    const [first = '', ...more] = this.text.split('\n')
    const dom = document.createElement('span')
    dom.className = 'cm-ghost'
    dom.setAttribute('aria-hidden', 'true') // a command reads it
    dom.append(first)
    const box = more.length ? document.createElement('span') : dom
    if (more.length) {
      box.className = 'cm-ghost-more'
      for (const line of more) box.append(rowOf(line))
      dom.append(box)
    }
    if (this.hint) (box.lastElementChild ?? box).append(keyOf(words.hint))
    return dom
  }
  override ignoreEvent() {
    return true
  }
}

function rowOf(text: string) {
  const row = document.createElement('span')
  row.className = 'cm-ghost-row'
  row.textContent = text || '\u00a0'
  return row
}

function keyOf(text: string) {
  const key = document.createElement('kbd')
  key.textContent = text
  return key
}

const LINE_OF = Decoration.line({ class: 'cm-ghost-line' })

function drawn(state: EditorState, value: Ghost | null): DecorationSet {
  if (!value || value.at > state.doc.length) return Decoration.none
  const widget = Decoration.widget({ widget: new Words(value.text, taken.count < KNOWN), side: 1 })
  const line = state.doc.lineAt(value.at)
  return Decoration.set([LINE_OF.range(line.from), widget.range(value.at)], true)
}
