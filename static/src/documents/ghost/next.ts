// The next edit: a name was changed where it is made, or the same change was made twice; where it stands again is marked,
// and Tab makes the change there. A rule, no model. Nothing is shown while a suggestion is.
import { syntaxTree } from '@codemirror/language'
import { type EditorState, type Extension, Prec, StateEffect, StateField, type Transaction } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view'
import { say } from '../../sessions/say'
import { next as words } from '../../ui/words/editing'
import { remote } from '../binding'
import { definitionAt, type Range } from '../quick/place'
import { ghost } from './field'

const CALM_MS = 400
const LARGEST = 400_000 // characters looked through
const NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u
const LETTER = /[\p{L}\p{N}_$]/u
const SHORTEST = 2

/** Where a name holds that is made there: in the file, or in the definition around it; '' if it is not made there. */
type Made = '' | 'file' | 'local'

/** A word that is being changed: where it is, and what it was. */
interface Touch {
  readonly from: number
  readonly to: number
  readonly old: string
  readonly made: Made
}
interface Change {
  readonly old: string
  readonly now: string
}
export interface Next extends Change {
  readonly from: number
  readonly to: number
  readonly left: number // places, this one included
  readonly within: Range
}
interface Value {
  readonly touch: Touch | null
  readonly typing: number | null // where what was typed last ends: going on there changes no word that was there before
  readonly before: Change | null // the change before this one
  readonly next: Next | null
}

const NONE: Value = { touch: null, typing: null, before: null, next: null }
const setNext = StateEffect.define<Next | null>()
const MADE = 'input.next'

export const nextEdit = StateField.define<Value>({
  create: () => NONE,
  update(value, tr) {
    let now = tr.docChanged ? followed(value, tr) : value
    if (now.next && tr.selection && !tr.docChanged && elsewhere(tr)) now = { ...now, next: null }
    for (const effect of tr.effects) if (effect.is(setNext)) now = { ...now, next: effect.value }
    return now
  },
  provide: (field) => EditorView.decorations.compute([field, ghost], (state) => drawn(state)),
})

const elsewhere = (tr: Transaction) =>
  tr.startState.doc.lineAt(tr.startState.selection.main.head).from !==
  tr.state.doc.lineAt(tr.newSelection.main.head).from

function followed(value: Value, tr: Transaction): Value {
  if (tr.annotation(remote) || tr.isUserEvent(MADE)) {
    const typing = value.typing === null ? null : tr.changes.mapPos(value.typing)
    return { ...value, touch: value.touch && moved(value.touch, tr), typing, next: null }
  }
  const range = single(tr)
  if (!range || !(tr.isUserEvent('input') || tr.isUserEvent('delete')))
    return { ...value, touch: null, typing: null, next: null }
  const { touch } = value
  const typing = tr.changes.mapPos(range.to, 1)
  if (touch && range.from >= touch.from && range.to <= touch.to) {
    const now = moved(touch, tr, true)
    const text = tr.newDoc.sliceString(now.from, now.to)
    if (text === '' || NAME.test(text)) return { ...value, touch: now, typing, next: null }
  }
  const before = changeOf(tr.startState, touch) ?? value.before
  return { touch: range.to === value.typing ? null : begun(tr, range), typing, before, next: null }
}

/** The one stretch of the old text that changes, or null if there are several. */
function single(tr: Transaction): { from: number; to: number } | null {
  const found: { from: number; to: number }[] = []
  tr.changes.iterChangedRanges((from, to) => void found.push({ from, to }))
  return found.length === 1 ? found[0]! : null
}

function moved(touch: Touch, tr: Transaction, inside = false): Touch {
  const from = tr.changes.mapPos(touch.from, inside ? -1 : 1)
  return { ...touch, from, to: Math.max(from, tr.changes.mapPos(touch.to, inside ? 1 : -1)) }
}

function begun(tr: Transaction, range: { from: number; to: number }): Touch | null {
  const { doc } = tr.startState
  const line = doc.lineAt(range.from)
  if (range.to > line.to) return null
  let [from, to] = [range.from - line.from, range.to - line.from]
  while (from > 0 && LETTER.test(line.text[from - 1]!)) from--
  while (to < line.length && LETTER.test(line.text[to]!)) to++
  const old = line.text.slice(from, to)
  if (!NAME.test(old) || old.length < SHORTEST) return null
  const touch = { from: line.from + from, to: line.from + to, old, made: madeIn(line.text, from, to) }
  return moved(touch, tr, true)
}

const MAKES = /\b(def|class|function\*?|func|fn|struct|enum|trait|interface|type|import|as)\s+$/
const BINDS = /\b(const|let|var|val)\s+$/
const HEAD = /^\s*(async\s+)?(export\s+)?(def|function|func|fn)\b[^)]*$/

/** Whether the word at [from, to) of a line is given its name there: a definition, a parameter, an assignment. */
export function madeIn(line: string, from: number, to: number): Made {
  const [before, after] = [line.slice(0, from), line.slice(to)]
  if (MAKES.test(before)) return 'file'
  if (HEAD.test(before) || BINDS.test(before)) return 'local'
  return /^\s*$/.test(before) && /^\s*(:[^=]+)?=(?!=)/.test(after) ? 'local' : ''
}

function changeOf(state: EditorState, touch: Touch | null): Change | null {
  if (!touch) return null
  const now = state.sliceDoc(touch.from, touch.to)
  return NAME.test(now) && now !== touch.old ? { old: touch.old, now } : null
}

/** Where the change is likely next, if anywhere. */
export function likely(state: EditorState): Next | null {
  const { touch, before } = state.field(nextEdit)
  const change = changeOf(state, touch)
  if (!touch || !change) return null
  const again = before?.old === change.old && before.now === change.now
  if (!touch.made && !again) return null
  const around = touch.made === 'local' ? definitionAt(state, touch.from) : null
  return after(state, change, touch.to, around ?? { from: 0, to: state.doc.length })
}

/** The first place behind `at` where the old name stands, going round at the end. Not in strings and comments. */
function after(state: EditorState, { old, now }: Change, at: number, within: Range): Next | null {
  if (state.doc.length > LARGEST) return null
  const text = state.doc.sliceString(0, within.to)
  const places: number[] = []
  for (let from = text.indexOf(old, within.from); from >= 0; from = text.indexOf(old, from + old.length)) {
    const whole = !LETTER.test(text[from - 1] ?? '') && !LETTER.test(text[from + old.length] ?? '')
    if (whole && !/String|Comment/.test(syntaxTree(state).resolveInner(from, 1).name)) places.push(from)
  }
  const from = places.find((place) => place >= at) ?? places[0]
  return from === undefined ? null : { from, to: from + old.length, old, now, left: places.length, within }
}

/** Make the change at the marked place, and mark the one after it. */
function make(view: EditorView): boolean {
  const { next } = view.state.field(nextEdit)
  if (!next || view.state.readOnly || view.state.field(ghost)) return false
  const { from, to, old, now, within } = next
  const end = from + now.length
  view.dispatch({
    changes: { from, to, insert: now },
    selection: { anchor: end },
    userEvent: MADE,
    effects: EditorView.scrollIntoView(end, { y: 'nearest', yMargin: 60 }),
  })
  const left = { from: within.from, to: within.to + now.length - old.length }
  show(view, after(view.state, { old, now }, end, left))
  return true
}

function show(view: EditorView, next: Next | null): void {
  view.dispatch({ effects: setNext.of(next) })
  if (next) say(words.said(next.old, next.now, view.state.doc.lineAt(next.from).number))
}

/** Never takes the key: who presses Esc to stop a model may not have seen a hint. */
function dismiss(view: EditorView): boolean {
  if (view.state.field(nextEdit).next) view.dispatch({ effects: setNext.of(null) })
  return false
}

class Label extends WidgetType {
  constructor(
    readonly next: Next,
    readonly line: number,
  ) {
    super()
  }
  override eq(other: Label) {
    return this.next === other.next && this.line === other.line
  }
  toDOM() {
    const dom = document.createElement('span')
    dom.className = 'cm-next'
    dom.setAttribute('aria-hidden', 'true') // it was said
    dom.title = words.title
    const change = document.createElement('b')
    change.textContent = words.change(this.next.old, this.next.now)
    const key = document.createElement('kbd')
    key.textContent = words.key
    dom.append(words.label, change, words.where(this.line, this.next.left), key)
    return dom
  }
  override ignoreEvent() {
    return true
  }
}

const PLACE = Decoration.mark({ class: 'cm-next-place' })

function drawn(state: EditorState): DecorationSet {
  const { next } = state.field(nextEdit)
  if (!next || state.field(ghost) || next.to > state.doc.length) return Decoration.none
  const widget = new Label(next, state.doc.lineAt(next.from).number)
  const end = state.doc.lineAt(state.selection.main.head).to
  const label = Decoration.widget({ widget, side: 2 }).range(end)
  return Decoration.set([PLACE.range(next.from, next.to), label], true)
}

export function nextEdits(): Extension {
  const looking = ViewPlugin.define((view) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      const found = view.state.readOnly || view.composing ? null : likely(view.state)
      if (found) show(view, found)
    }
    return {
      update({ docChanged, transactions }: ViewUpdate) {
        const own = transactions.some((tr) => tr.docChanged && !tr.annotation(remote) && !tr.isUserEvent(MADE))
        if (!docChanged) return
        clearTimeout(timer)
        if (own) timer = setTimeout(look, CALM_MS)
      },
      destroy: () => clearTimeout(timer),
    }
  })
  const keys = Prec.highest(
    keymap.of([
      { key: 'Tab', run: make },
      { key: 'Escape', run: dismiss },
    ]),
  )
  return [nextEdit, looking, keys]
}
