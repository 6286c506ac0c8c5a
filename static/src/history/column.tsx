// Who wrote each line, in the gutter, live: computed here from the items of the text; the server only says whose ids
// are whose. A card tells who, when and what was asked, and leads to the turn.
import { type Extension, type Line, Prec, RangeSet, StateEffect, StateField, type Text } from '@codemirror/state'
import {
  EditorView,
  GutterMarker,
  gutter,
  keymap,
  showTooltip,
  type Tooltip,
  ViewPlugin,
  type ViewUpdate,
} from '@codemirror/view'
import { effect } from '@preact/signals'
import { render } from 'preact'
import type { OpenDocument } from '../documents/open'
import { pump } from '../documents/pump'
import { ago } from '../jobs/time'
import { colourOf } from '../ui/avatar'
import { blame as words } from '../ui/words/past'
import type { Author } from '../wire'
import { narrow } from '../workspace/layout'
import { type Credits, creditsOf } from './authors'
import { Card } from './card'
import { type LineAuthor, lineAuthors } from './lines'
import './history.css'

const CALM_MS = 120
const LOOKING_MS = 300_000 // the server tells what was moved only while somebody has asked within ten minutes

class Who extends GutterMarker {
  constructor(
    readonly author: Author,
    readonly first: boolean, // of a run of lines by the same
    readonly text: string,
  ) {
    super()
  }

  override eq(other: Who) {
    return other.author.origin === this.author.origin && other.first === this.first && other.text === this.text
  }

  override toDOM() {
    const { kind, person } = this.author
    const isModel = kind === 'turn' || kind === 'job'
    const dom = document.createElement('div')
    dom.className = `blame-line${isModel ? ' model' : person ? '' : ' quiet'}`
    dom.style.setProperty('--who', isModel ? 'var(--model)' : person ? colourOf(person) : 'var(--line)')
    if (!this.first) return dom
    const name = document.createElement('b')
    const whole = words.label(this.author)
    name.textContent = narrow.peek() ? (words.initials[kind] ?? [...whole].slice(0, 1).join('')) : whole
    const time = document.createElement('time')
    time.textContent = this.text
    dom.append(name, time)
    return dom
  }
}

const setCard = StateEffect.define<{ pos: number; keyboard: boolean } | null>()
const lookAgain = StateEffect.define<null>()

/** A mark for each of some lines; a run of lines by the same is named once. */
function marksOf(found: readonly LineAuthor[], first: number, text: Text, credits: Credits): RangeSet<Who> {
  const now = Date.now()
  const authors = new Map<string, Author>()
  const marks = []
  let before = first > 1 ? found[0]?.origin : ''
  for (let n = first > 1 ? 1 : 0; n < found.length; n++) {
    const { origin, at } = found[n]!
    const { from } = text.line(first + n)
    if (from === text.length) break // behind the last line break nobody has written
    const author = authors.get(origin) ?? credits.author(origin)
    authors.set(origin, author)
    const when = author.at ?? (author.kind === 'seed' ? undefined : at)
    const short = when ? words.short(ago(when, now)) : ''
    marks.push(new Who(author, origin !== before, short).range(from))
    before = origin
  }
  return RangeSet.of(marks)
}

/** The marks of the lines in view: a long file costs no more than a short one. They move with the text, and are looked
 * up again as the view moves, and a moment after the text or what is known of its authors has changed. */
class Marks {
  shown: RangeSet<Who> = RangeSet.empty
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly credits: Credits
  private readonly again: ReturnType<typeof setInterval>
  private readonly stop: () => void

  constructor(
    private view: EditorView,
    private doc: OpenDocument,
  ) {
    this.credits = creditsOf(doc)
    void this.credits.load()
    this.again = setInterval(() => void this.credits.load(), LOOKING_MS)
    this.stop = effect(() => {
      this.credits.known.value
      doc.loaded.value
      this.soon()
    })
  }

  update(update: ViewUpdate) {
    if (update.docChanged) {
      this.shown = this.shown.map(update.changes)
      this.soon()
    }
    const asked = update.transactions.some((tr) => tr.effects.some((one) => one.is(lookAgain)))
    if (asked || (update.viewportChanged && !update.docChanged)) this.look()
  }

  destroy() {
    clearTimeout(this.timer)
    clearInterval(this.again)
    this.stop()
  }

  private soon = () => {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      pump.flush()
      this.view.dispatch({ effects: lookAgain.of(null) })
    }, CALM_MS)
  }

  private look() {
    const { doc: text } = this.view.state
    if (this.doc.text.length !== text.length) return this.soon() // an input method holds some back
    const { from, to } = this.view.viewport
    const first = Math.max(1, text.lineAt(from).number - 1) // the line above says whether a run begins
    const { book } = this.credits.known.peek()
    const last = text.lineAt(to)
    const span = { from: text.line(first).from, to: last.to + 1 } // with its line break, which is somebody's too
    const { lines, unknown } = lineAuthors(this.doc.text, book, this.credits.own, span)
    if (unknown.size) void this.credits.load()
    this.shown = marksOf(lines.slice(0, last.number - first + 1), first, text, this.credits)
  }
}

const following = (doc: OpenDocument): Extension => marks.of(doc)
const marks = ViewPlugin.define<Marks, OpenDocument>((view, doc) => new Marks(view, doc))

const column = Prec.high(
  gutter({
    class: 'cm-blame',
    markers: (view) => view.plugin(marks)?.shown ?? RangeSet.empty,
    domEventHandlers: {
      click: (view, block) => {
        view.dispatch({ effects: setCard.of({ pos: block.from, keyboard: false }) })
        return true
      },
    },
  }),
)

const cards = new WeakMap<OpenDocument, StateField<Tooltip | null>>()

/** The card of a line; gone with the next change, click or Escape. */
function fieldOf(doc: OpenDocument): StateField<Tooltip | null> {
  const known = cards.get(doc)
  if (known) return known
  const field = StateField.define<Tooltip | null>({
    create: () => null,
    update(value, tr) {
      for (const effect of tr.effects)
        if (effect.is(setCard)) return effect.value && tooltip(doc, effect.value.pos, effect.value.keyboard)
      return value && (tr.docChanged || tr.selection) ? null : value
    },
    provide: (f) => showTooltip.from(f),
  })
  cards.set(doc, field)
  return field
}

function card(doc: OpenDocument): Extension {
  const field = fieldOf(doc)
  const close = (view: EditorView) => {
    if (!view.state.field(field)) return false
    view.dispatch({ effects: setCard.of(null) })
    return true
  }
  return [
    field,
    Prec.highest(keymap.of([{ key: 'Escape', run: close }])),
    EditorView.domEventHandlers({ mousedown: (_event, view) => void close(view) }),
  ]
}

function tooltip(doc: OpenDocument, pos: number, keyboard: boolean): Tooltip {
  return {
    pos,
    above: false,
    create: (view) => {
      const dom = document.createElement('div')
      dom.className = 'blame-card'
      const found = authorsAt(doc, view.state.doc.lineAt(pos))
      const leave = () => {
        view.dispatch({ effects: setCard.of(null) })
        view.focus()
      }
      render(<Card {...found} close={leave} />, dom)
      // As soon as it is in the page: the next key is for its buttons and not for the text.
      const first = () => dom.querySelector<HTMLElement>('footer button, button')
      const mount = () => keyboard && first()?.focus({ preventScroll: true })
      return { dom, mount, destroy: () => render(null, dom) }
    },
  }
}

function authorsAt(doc: OpenDocument, line: Line) {
  const credits = creditsOf(doc)
  const span = { from: line.from, to: line.to + 1 }
  const [found] = lineAuthors(doc.text, credits.known.peek().book, credits.own, span).lines
  const author = credits.author(found?.origin ?? '')
  return {
    author: { ...author, at: author.at ?? (author.kind === 'seed' ? null : (found?.at ?? null)) },
    others: (found?.others ?? []).map((origin) => credits.author(origin)),
  }
}

export const blameColumn = (doc: OpenDocument): Extension => [following(doc), column, card(doc)]

/** The card of the caret's line, with the focus in it. */
export async function showCard(doc: OpenDocument) {
  await creditsOf(doc).load()
  const { head } = doc.state.selection.main
  const effects: StateEffect<unknown>[] = [setCard.of({ pos: doc.state.doc.lineAt(head).from, keyboard: true })]
  if (!doc.state.field(fieldOf(doc), false)) doc.dispatch({ effects: StateEffect.appendConfig.of(card(doc)) })
  doc.dispatch({ effects })
}
