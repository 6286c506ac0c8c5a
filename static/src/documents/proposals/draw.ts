// How proposals and running turns look in the text: tint and violet edge, + and − in the gutter, what was removed above,
// the model's caret with whose it is. Only lines in view are drawn; removed lines are blocks and stand in the state.
import { type EditorState, type Extension, RangeSetBuilder, StateField } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  EditorView,
  GutterMarker,
  gutter,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view'
import { words } from '../../ui/words/sessions'
import type { Person } from '../../wire'
import { currentPlace, keyOf, linesOf, marks, type Place, type Stretch } from './field'

const SHOWN = 80 // removed lines shown of one hunk
const SHOWN_ADDED = 400 // and of lines that wait to be put in

class Removed extends WidgetType {
  constructor(readonly place: Place) {
    super()
  }

  override eq(other: Removed): boolean {
    return keyOf(this.place) === keyOf(other.place) && this.place.removed.join('\n') === other.place.removed.join('\n')
  }

  toDOM(): HTMLElement {
    const { removed } = this.place
    const box = document.createElement('div')
    box.className = 'cm-removed'
    box.setAttribute('role', 'group')
    box.setAttribute('aria-label', words.removedLines(removed.length))
    for (const line of removed.slice(0, SHOWN)) box.append(removedLine(line))
    if (removed.length > SHOWN) {
      const more = document.createElement('div')
      more.className = 'cm-removed-more'
      more.textContent = words.moreRemoved(removed.length - SHOWN)
      box.append(more)
    }
    return box
  }

  override get estimatedHeight(): number {
    return Math.min(this.place.removed.length, SHOWN) * 21
  }

  override ignoreEvent(): boolean {
    return false
  }
}

/** Lines that are not in the text: they would be, if they were accepted. */
class Added extends WidgetType {
  constructor(
    readonly place: Place,
    readonly lines: readonly string[],
    readonly now: boolean,
  ) {
    super()
  }

  override eq(other: Added): boolean {
    return keyOf(this.place) === keyOf(other.place) && this.now === other.now && same(this.lines, other.lines)
  }

  toDOM(): HTMLElement {
    const box = document.createElement('div')
    box.className = this.now ? 'cm-added cm-hunk-now' : 'cm-added'
    box.setAttribute('role', 'group')
    box.setAttribute('aria-label', words.addedLines(this.lines.length))
    this.fill(box, 0)
    return box
  }

  /** Streaming: what is drawn already stays, only new lines are put behind it. */
  override updateDOM(box: HTMLElement, _view: EditorView, from?: WidgetType): boolean {
    if (!(from instanceof Added) || keyOf(from.place) !== keyOf(this.place)) return false
    const shown = from.lines.slice(0, SHOWN_ADDED)
    const kept = shown.findIndex((line, n) => line !== this.lines[n])
    box.classList.toggle('cm-hunk-now', this.now)
    box.setAttribute('aria-label', words.addedLines(this.lines.length))
    this.fill(box, kept < 0 ? shown.length : kept)
    return true
  }

  private fill(box: HTMLElement, kept: number): void {
    while (box.children.length > kept) box.lastElementChild?.remove()
    for (const line of this.lines.slice(kept, SHOWN_ADDED)) {
      const row = document.createElement('ins')
      row.textContent = line || '\u200b'
      box.append(row)
    }
    if (this.lines.length > SHOWN_ADDED) {
      const more = document.createElement('div')
      more.className = 'cm-removed-more'
      more.textContent = words.moreAdded(this.lines.length - SHOWN_ADDED)
      box.append(more)
    }
  }

  override get estimatedHeight(): number {
    return Math.min(this.lines.length, SHOWN_ADDED) * 21
  }

  override ignoreEvent(): boolean {
    return false
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((line, n) => line === b[n]))
}

function removedLine(text: string): HTMLElement {
  const row = document.createElement('del')
  row.textContent = text || '\u200b'
  return row
}

class Caret extends WidgetType {
  toDOM(): HTMLElement {
    const caret = document.createElement('span')
    caret.className = 'cm-model-caret'
    caret.setAttribute('aria-hidden', 'true')
    return caret
  }

  override eq(): boolean {
    return true
  }
}

class Flag extends WidgetType {
  constructor(readonly owner: Person | null) {
    super()
  }

  override eq(other: Flag): boolean {
    return this.owner?.name === other.owner?.name
  }

  toDOM(): HTMLElement {
    const flag = document.createElement('span')
    flag.className = 'cm-model-flag'
    flag.textContent = words.modelFor(this.owner)
    return flag
  }
}

const CARET = Decoration.widget({ widget: new Caret(), side: 1 })

/** Removed lines above the place they stood; carried through changes, made anew when the hunks are. */
const removedLines = StateField.define<DecorationSet>({
  create: removedOf,
  update(value, tr) {
    const [before, after] = [tr.startState.field(marks), tr.state.field(marks)]
    const waits = after.places.some((place) => place.lines)
    const moved = before.places !== after.places || (waits && (before !== after || tr.selection !== undefined))
    return moved ? removedOf(tr.state) : value
  },
  provide: (field) => EditorView.decorations.from(field),
})

function removedOf(state: EditorState): DecorationSet {
  const found = state.field(marks).places.filter((place) => place.removed.length > 0)
  const waits = state.field(marks).places.filter((place) => place.lines && place.lines.length > 0)
  const now = waits.length > 0 ? currentPlace(state) : null
  return Decoration.set(
    [
      ...waits.map((place) => {
        const lines = linesOf(state.doc, place)
        const line = lines ? state.doc.line(lines.last) : state.doc.lineAt(place.from)
        const behind = lines !== null || place.from > line.from
        const widget = new Added(place, place.lines ?? [], place === now)
        return Decoration.widget({ widget, block: true, side: behind ? 1 : -1 }).range(behind ? line.to : line.from)
      }),
      ...found.map((place) => {
        const line = state.doc.lineAt(place.from)
        // Taken from behind the last line: there is no line below to stand above.
        const behind = place.added === 0 && place.from > line.from
        const widget = new Removed(place)
        return Decoration.widget({ widget, block: true, side: behind ? 1 : -1 }).range(behind ? line.to : line.from)
      }),
    ],
    true,
  )
}

const tints = ViewPlugin.fromClass(
  class {
    drawn: DecorationSet

    constructor(view: EditorView) {
      this.drawn = tintsOf(view)
    }

    update(update: ViewUpdate): void {
      const moved = update.startState.field(marks) !== update.state.field(marks)
      if (moved || update.docChanged || update.viewportChanged || update.selectionSet) this.drawn = tintsOf(update.view)
    }
  },
  { decorations: (plugin) => plugin.drawn },
)

function tintsOf(view: EditorView): DecorationSet {
  const { state } = view
  const { places, stretches } = state.field(marks)
  if (places.length === 0 && stretches.length === 0) return Decoration.none
  const now = currentPlace(state)
  const classes = new Map<number, string[]>()
  for (const place of places) {
    const kind = place.lines ? 'cm-gone' : 'cm-hunk'
    tint(view, place, place === now ? [kind, 'cm-hunk-now'] : [kind], classes)
  }
  for (const stretch of stretches) tint(view, stretch, ['cm-model-writing'], classes)
  const lines = [...classes].map(([at, names]) => Decoration.line({ class: names.join(' ') }).range(at))
  return Decoration.set([...lines, ...stretches.flatMap((stretch) => caretOf(state, stretch))], true)
}

function tint(view: EditorView, range: Place | Stretch, names: string[], classes: Map<number, string[]>): void {
  const { doc } = view.state
  const lines = linesOf(doc, range)
  if (!lines) return
  const first = Math.max(lines.first, doc.lineAt(view.viewport.from).number)
  const last = Math.min(lines.last, doc.lineAt(view.viewport.to).number)
  for (let n = first; n <= last; n++) {
    const at = doc.line(n).from
    classes.set(at, [...(classes.get(at) ?? []), ...names])
  }
}

function caretOf(state: EditorState, stretch: Stretch) {
  const line = state.doc.lineAt(stretch.to)
  const flag = Decoration.widget({ widget: new Flag(stretch.owner), side: 2 })
  return [CARET.range(stretch.to), flag.range(line.to)]
}

class Sign extends GutterMarker {
  constructor(
    readonly sign: string,
    readonly lines: number,
    override readonly elementClass: string,
  ) {
    super()
  }

  override eq(other: GutterMarker): boolean {
    return other instanceof Sign && other.sign === this.sign && other.lines === this.lines
  }

  override toDOM(): Node {
    return document.createTextNode(Array(this.lines).fill(this.sign).join('\n'))
  }
}

const PLUS = new Sign('+', 1, 'cm-sign-added')
const MINUS = new Sign('−', 1, 'cm-sign-removed')

/** A + at each line put in, a − at each line taken out. */
const signs = gutter({
  class: 'cm-hunk-gutter',
  markers(view) {
    const { doc } = view.state
    const builder = new RangeSetBuilder<GutterMarker>()
    let free = doc.lineAt(view.viewport.from).number // the first line in view that has no sign yet
    const bottom = doc.lineAt(view.viewport.to).number
    for (const place of view.state.field(marks).places) {
      const lines = linesOf(doc, place)
      if (!lines) continue
      for (let n = Math.max(lines.first, free); n <= Math.min(lines.last, bottom); n++) {
        const { from } = doc.line(n)
        builder.add(from, from, place.lines ? MINUS : PLUS)
        free = n + 1
      }
    }
    return builder.finish()
  },
  widgetMarker(_view, widget) {
    if (widget instanceof Added) return new Sign('+', Math.min(widget.lines.length, SHOWN_ADDED), 'cm-sign-added')
    if (!(widget instanceof Removed)) return null
    return new Sign('−', Math.min(widget.place.removed.length, SHOWN), 'cm-sign-removed')
  },
  initialSpacer: () => PLUS,
})

export const drawing: Extension = [marks, removedLines, tints, signs]
