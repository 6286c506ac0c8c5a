// Where the others are, beside the text: a bar in the gutter at their lines, marks along the scrollbar. The model's are
// where it writes.
import { type EditorState, type Extension, RangeSet } from '@codemirror/state'
import { EditorView, GutterMarker, gutter, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { colourOf } from '../ui/avatar'
import { words } from '../ui/words/documents'
import { carets } from './cursors'
import { marks } from './proposals/field'

interface Spot {
  at: number
  from: number // a model's stretch is drawn whole
  model?: boolean
  colour: string
  name: string
}

class Bar extends GutterMarker {
  constructor(
    readonly colour: string,
    readonly name: string,
  ) {
    super()
  }
  override eq(other: Bar) {
    return this.colour === other.colour && this.name === other.name
  }
  override toDOM() {
    const bar = document.createElement('span')
    bar.style.background = this.colour
    bar.title = this.name
    return bar
  }
}

function spots(state: EditorState): Spot[] {
  const people = carets(state).map((c) => ({
    at: c.head,
    from: c.head,
    colour: colourOf(c.person),
    name: c.person.name,
  }))
  const writing = state.field(marks, false)?.stretches ?? []
  const model = writing.map((s) => ({
    at: s.to,
    from: s.from,
    colour: colourOf('model'),
    name: words.theModel,
    model: true,
  }))
  return [...people, ...model].map((spot) => ({
    ...spot,
    at: Math.min(spot.at, state.doc.length),
    from: Math.min(spot.from, state.doc.length),
  }))
}

const bars = gutter({
  class: 'cm-who',
  markers: (view) => {
    const lines = new Map<number, Bar>() // one for each line: the gutter is narrow
    for (const spot of spots(view.state))
      lines.set(view.state.doc.lineAt(spot.at).from, new Bar(spot.colour, spot.name))
    return RangeSet.of(
      [...lines].map(([at, bar]) => bar.range(at)),
      true,
    )
  },
})

const strip = ViewPlugin.fromClass(
  class {
    private readonly box = document.createElement('div')
    constructor(view: EditorView) {
      this.box.className = 'cm-strip'
      this.box.setAttribute('aria-hidden', 'true')
      view.dom.append(this.box)
      this.draw(view)
    }
    update(update: ViewUpdate) {
      if (update.docChanged || update.geometryChanged || update.transactions.some((tr) => tr.effects.length))
        this.draw(update.view)
    }
    destroy() {
      this.box.remove()
    }
    private draw(view: EditorView) {
      view.requestMeasure({
        key: this,
        read: () => {
          const { scrollHeight, clientHeight } = view.scrollDOM
          const whole = Math.max(scrollHeight, clientHeight)
          return spots(view.state).map((spot) => {
            const top = view.lineBlockAt(spot.from).top / whole
            const bottom = view.lineBlockAt(spot.at).top / whole
            return { ...spot, top, height: bottom - top }
          })
        },
        write: (found) => {
          const drawn = found.map(({ top, height, colour, model }) => {
            const mark = document.createElement('i')
            mark.style.top = `${(top * 100).toFixed(2)}%`
            if (height > 0) mark.style.height = `max(3px, ${(height * 100).toFixed(2)}%)`
            if (model) mark.dataset.who = 'model'
            else mark.style.background = colour
            return mark
          })
          this.box.replaceChildren(...drawn)
        },
      })
    }
  },
)

const theme = EditorView.baseTheme({
  '.cm-who': { width: '3px' },
  '.cm-who .cm-gutterElement': { padding: '0' },
  '.cm-who .cm-gutterElement span': { display: 'block', width: '3px', height: '100%', borderRadius: '2px' },
  '.cm-strip': { position: 'absolute', top: '0', right: '0', bottom: '0', width: '10px', pointerEvents: 'none' },
  // Where it writes is its lower end; the rest must not hide the scrollbar.
  '.cm-strip i[data-who=model]': {
    borderBottom: '3px solid var(--model)',
    background: 'color-mix(in oklab, var(--model) 40%, transparent)',
  },
  '.cm-strip i': {
    position: 'absolute',
    right: '1px',
    width: '8px',
    height: '3px',
    borderRadius: '2px',
    boxSizing: 'border-box',
  },
})

export const presence: Extension = [bars, strip, theme]
