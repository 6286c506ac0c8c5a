// Other people's carets and selections, mapped through changes; positions are resolved only for who moved.
import { StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { colourOf } from '../ui/avatar'
import type { Person } from '../wire'

export interface Cursor {
  client: number
  person: Person
  anchor: number
  head: number
}
export const setCursors = StateEffect.define<{ moved: Cursor[]; gone: number[] }>()
const LABEL_MS = 2000

class Caret extends WidgetType {
  constructor(
    readonly person: Person,
    readonly moved: number,
    readonly lineEnd: boolean,
  ) {
    super()
  }
  override eq(other: Caret) {
    return other.person.name === this.person.name && other.moved === this.moved && other.lineEnd === this.lineEnd
  }
  toDOM() {
    const caret = document.createElement('span')
    caret.className = `remote-caret${this.lineEnd ? ' at-end' : ''}`
    caret.style.setProperty('--who', colourOf(this.person))
    const label = document.createElement('span')
    label.className = 'remote-label'
    label.textContent = this.person.name
    caret.append(label)
    caret.setAttribute('aria-hidden', 'true')
    if (performance.now() - this.moved < LABEL_MS) {
      caret.classList.add('moved')
      setTimeout(() => caret.classList.remove('moved'), LABEL_MS)
    }
    return caret
  }
  override ignoreEvent() {
    return true
  }
}

interface Held extends Cursor {
  moved: number
}
interface Value {
  list: Held[]
  marks: DecorationSet
}

function draw(list: Held[], length: number, lineEnd: (at: number) => boolean): DecorationSet {
  const marks = list.flatMap((c) => {
    const head = Math.min(c.head, length)
    const [from, to] = [Math.min(c.anchor, head), Math.min(Math.max(c.anchor, head), length)]
    const caret = Decoration.widget({ widget: new Caret(c.person, c.moved, lineEnd(head)), side: 1 }).range(head)
    const tint = { style: `background: color-mix(in oklch, ${colourOf(c.person)} 24%, transparent)` }
    return from < to ? [Decoration.mark({ attributes: tint }).range(from, to), caret] : [caret]
  })
  return Decoration.set(marks, true)
}

const field = StateField.define<Value>({
  create: () => ({ list: [], marks: Decoration.none }),
  update(value, tr) {
    const effects = tr.effects.filter((e) => e.is(setCursors))
    if (!tr.docChanged && !effects.length) return value
    let list = value.list
    if (tr.docChanged) {
      list = list.map((c) => ({
        ...c,
        anchor: tr.changes.mapPos(c.anchor, 1),
        head: tr.changes.mapPos(c.head, 1),
      }))
    }
    if (!effects.length) return { list, marks: value.marks.map(tr.changes) }
    for (const { value: change } of effects) {
      const replaced = new Set([...change.gone, ...change.moved.map((c) => c.client)])
      const moved = performance.now()
      list = [...list.filter((c) => !replaced.has(c.client)), ...change.moved.map((c) => ({ ...c, moved }))]
    }
    const { doc } = tr.state
    return { list, marks: draw(list, doc.length, (at) => doc.lineAt(at).to === at) }
  },
  provide: (f) => EditorView.decorations.from(f, (value) => value.marks),
})

const theme = EditorView.baseTheme({
  '.remote-caret': {
    position: 'relative',
    borderLeft: '2px solid var(--who)',
    margin: '0 -1px',
    pointerEvents: 'none',
  },
  '.remote-label': {
    position: 'absolute',
    bottom: '100%',
    left: '-2px',
    padding: '0 5px',
    font: '600 10px/15px var(--font-ui)',
    whiteSpace: 'nowrap',
    color: 'var(--p-ink)',
    background: 'var(--who)',
    borderRadius: '3px 3px 3px 0',
    opacity: '0',
    transition: 'opacity var(--ease)',
    zIndex: '3',
  },
  '.remote-caret.moved .remote-label, .remote-caret:hover .remote-label': { opacity: '1' },
  // At a line's end the label stands beside the caret: above, it would cover code.
  '.remote-caret.at-end .remote-label': { bottom: 'auto', top: '0', left: '5px', borderRadius: '3px' },
})

export const cursors = [field, theme]
