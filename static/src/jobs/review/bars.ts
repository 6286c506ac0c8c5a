// A bar above each change of a difference: what became of its lines, and a button that takes it or leaves it out.
import { type Extension, type Range, StateEffect, StateField, type Text } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { review as say } from '../../ui/words/jobs'
import type { ReviewHunk } from '../../wire'

export interface Bar {
  id: string
  lines: ReviewHunk['proposed'] // of the text that is shown, from 0
  state: ReviewHunk['state']
  taken: boolean
  dim: boolean // it is left out of a file that is merged
  on: boolean // the one the keys act on
}

const setBars = StateEffect.define<readonly Bar[]>()

class Head extends WidgetType {
  constructor(
    readonly bar: Bar,
    readonly press: (id: string) => void,
  ) {
    super()
  }

  override eq({ bar }: Head) {
    return bar.id === this.bar.id && bar.taken === this.bar.taken && bar.on === this.bar.on
  }

  override toDOM() {
    const box = document.createElement('div')
    box.className = 'diff-bar'
    box.append(document.createElement('span'), document.createElement('button'))
    this.updateDOM(box)
    return box
  }

  override updateDOM(box: HTMLElement) {
    const { id, lines, state, taken, on } = this.bar
    const [text, button] = [box.querySelector('span'), box.querySelector('button')]
    if (!text || !button) return false
    box.dataset.taken = String(taken)
    box.dataset.on = String(on)
    box.dataset.state = state
    text.title = say.why[state]
    text.textContent = `${say.hunk(...lines)} · ${taken ? say.states[state] : say.leftOut}`
    button.type = 'button'
    button.textContent = taken ? say.leave : say.take
    button.setAttribute('aria-label', `${taken ? say.leave : say.take}: ${say.hunk(...lines)}`)
    button.onclick = () => this.press(id)
    return true
  }
}

const OUT = Decoration.line({ class: 'diff-left' })

function drawn(doc: Text, all: readonly Bar[], press: (id: string) => void, heads: boolean): DecorationSet {
  const found: Range<Decoration>[] = []
  for (const bar of all) {
    const [from, to] = bar.lines
    const past = from >= doc.lines
    const at = past ? doc.length : doc.line(from + 1).from
    if (heads)
      found.push(Decoration.widget({ widget: new Head(bar, press), block: true, side: past ? 2 : -2 }).range(at))
    for (let line = from; bar.dim && line < to && line < doc.lines; line++) {
      found.push(OUT.range(doc.line(line + 1).from))
    }
  }
  return Decoration.set(found, true)
}

/** Kept up to date by `show`. `heads`: with bars, else what is left out is only dimmed. */
export function bars(press: (id: string) => void, heads: boolean): Extension {
  return StateField.define<DecorationSet>({
    create: () => Decoration.none,
    update: (now, { effects, state }) =>
      effects.reduce((last, one) => (one.is(setBars) ? drawn(state.doc, one.value, press, heads) : last), now),
    provide: (field) => EditorView.decorations.from(field),
  })
}

export function show(view: EditorView | undefined, all: readonly Bar[]) {
  view?.dispatch({ effects: setBars.of(all) })
}
