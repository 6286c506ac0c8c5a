// Who wrote each line, in the gutter, live: computed here from the items of the text; the server only says whose ids
// are whose. A card tells who, when and what was asked, and leads to the turn.
import { Compartment, type Extension, Prec, RangeSet, StateEffect, StateField, type Text } from '@codemirror/state'
import { EditorView, GutterMarker, gutter, keymap, showTooltip, type Tooltip, ViewPlugin } from '@codemirror/view'
import { effect, signal } from '@preact/signals'
import { render } from 'preact'
import { type OpenDocument, registerExtension } from '../documents/open'
import { pump } from '../documents/pump'
import { ago } from '../jobs/time'
import { colourOf } from '../ui/avatar'
import { blame as words } from '../ui/words/past'
import type { Author } from '../wire'
import { registerCommand } from '../workspace/commands'
import { narrow } from '../workspace/layout'
import { live } from '../workspace/live'
import { type Credits, creditsOf } from './authors'
import { Card } from './card'
import { type LineAuthor, lineAuthors } from './lines'
import './history.css'

const KEPT = 'tandem.blame'
const CALM_MS = 120
const LOOKING_MS = 300_000 // the server tells what was moved only while somebody has asked within ten minutes
export const shown = signal(localStorage.getItem(KEPT) === 'on')
effect(() => localStorage.setItem(KEPT, shown.value ? 'on' : 'off'))

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

interface Shown {
  lines: readonly LineAuthor[]
  marks: RangeSet<Who>
}
const setShown = StateEffect.define<Shown>()
const setCard = StateEffect.define<{ pos: number; keyboard: boolean } | null>()

const lines = StateField.define<Shown>({
  create: () => ({ lines: [], marks: RangeSet.empty }),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setShown)) return effect.value
    return tr.docChanged ? { ...value, marks: value.marks.map(tr.changes) } : value
  },
})

/** A mark for each line; a run of lines by the same is named once. */
function marksOf(found: readonly LineAuthor[], text: Text, credits: Credits): RangeSet<Who> {
  const now = Date.now()
  const authors = new Map<string, Author>()
  const marks = []
  let before = ''
  for (let n = 1; n <= Math.min(found.length, text.lines); n++) {
    const { origin, at } = found[n - 1]!
    const author = authors.get(origin) ?? credits.author(origin)
    authors.set(origin, author)
    const when = author.at ?? (author.kind === 'seed' ? undefined : at)
    marks.push(new Who(author, origin !== before, when ? words.short(ago(when, now)) : '').range(text.line(n).from))
    before = origin
  }
  return RangeSet.of(marks)
}

/** Looks again a moment after the text or what is known of its authors has changed. */
function following(doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const credits = creditsOf(doc)
    const look = () => {
      timer = undefined
      pump.flush()
      if (doc.text.length !== view.state.doc.length) return soon() // an input method holds some back
      const { lines: found, unknown } = lineAuthors(doc.text, credits.known.peek().book, credits.own)
      if (unknown.size) void credits.load()
      view.dispatch({ effects: setShown.of({ lines: found, marks: marksOf(found, view.state.doc, credits) }) })
    }
    const soon = () => {
      timer ??= setTimeout(look, CALM_MS)
    }
    const stop = effect(() => {
      credits.known.value
      doc.loaded.value
      soon()
    })
    void credits.load()
    const again = setInterval(() => void credits.load(), LOOKING_MS)
    return {
      update: (update) => {
        if (update.docChanged) soon()
      },
      destroy() {
        clearTimeout(timer)
        clearInterval(again)
        stop()
      },
    }
  })
}

function column(): Extension {
  return Prec.high(
    gutter({
      class: 'cm-blame',
      markers: (view) => view.state.field(lines).marks,
      domEventHandlers: {
        click: (view, block) => {
          view.dispatch({ effects: setCard.of({ pos: block.from, keyboard: false }) })
          return true
        },
      },
    }),
  )
}

/** The card of a line; gone with the next change, click or Escape. */
function card(doc: OpenDocument): Extension {
  const field = StateField.define<Tooltip | null>({
    create: () => null,
    update(value, tr) {
      for (const effect of tr.effects)
        if (effect.is(setCard)) return effect.value && tooltip(doc, effect.value.pos, effect.value.keyboard)
      return value && (tr.docChanged || tr.selection) ? null : value
    },
    provide: (f) => showTooltip.from(f),
  })
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
      const found = authorsAt(doc, view.state.doc.lineAt(pos).number)
      const leave = () => {
        view.dispatch({ effects: setCard.of(null) })
        view.focus()
      }
      render(<Card {...found} focus={keyboard} close={leave} />, dom)
      return { dom, destroy: () => render(null, dom) }
    },
  }
}

function authorsAt(doc: OpenDocument, line: number) {
  const credits = creditsOf(doc)
  const found = lineAuthors(doc.text, credits.known.peek().book, credits.own).lines[line - 1]
  const author = credits.author(found?.origin ?? '')
  return {
    author: { ...author, at: author.at ?? (author.kind === 'seed' ? null : (found?.at ?? null)) },
    others: (found?.others ?? []).map((origin) => credits.author(origin)),
  }
}

export function blameExtension(doc: OpenDocument): Extension {
  const slot = new Compartment()
  const on = () => [lines, following(doc), column()]
  const switching = ViewPlugin.define((view) => {
    let gone = false
    const stop = effect(() => {
      const wanted = shown.value
      queueMicrotask(() => {
        const is = view.state.field(lines, false) !== undefined
        if (!gone && wanted !== is) view.dispatch({ effects: slot.reconfigure(wanted ? on() : []) })
      })
    })
    return {
      destroy() {
        gone = true
        stop()
      },
    }
  })
  return [slot.of(shown.peek() ? on() : []), switching, card(doc)]
}

/** The card of the caret's line, with the focus in it. */
async function who(doc: OpenDocument) {
  await creditsOf(doc).load()
  const { head } = doc.state.selection.main
  doc.dispatch({ effects: setCard.of({ pos: doc.state.doc.lineAt(head).from, keyboard: true }) })
}

const active = () => live.peek()?.documents.active.peek() ?? null
registerExtension(blameExtension)
registerCommand({
  id: 'view.blame',
  title: words.toggle,
  when: () => live.peek() !== null,
  run: () => {
    shown.value = !shown.peek()
  },
})
registerCommand({
  id: 'blame.line',
  title: words.who,
  key: 'Mod-Alt-a',
  when: () => active() !== null,
  run: () => void who(active()!),
})
