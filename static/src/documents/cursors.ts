// Other people's carets and selections, mapped through changes; positions are resolved only for who moved.
import { type EditorState, StateEffect, StateField, type Text } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import { colourOf } from '../ui/avatar'
import type { Anchor, AwarenessState, Person } from '../wire'

export interface Cursor {
  client: number
  person: Person
  anchor: number
  head: number
  top: number | null // of their view
}
export const setCursors = StateEffect.define<{ moved: Cursor[]; gone: number[] }>()
const LABEL_MS = 2000

// Where the name stands: above the caret, beside it, or at the end of its line, so that it covers no code.
type Place = 'above' | 'beside' | 'line-end'

class Mark extends WidgetType {
  constructor(
    readonly person: Person,
    readonly moved: number,
    readonly named: boolean,
    readonly caret: boolean,
    readonly above = false,
  ) {
    super()
  }
  override eq(other: Mark) {
    const same = this.person.name === other.person.name && this.person.colour === other.person.colour
    const shape = this.named === other.named && this.caret === other.caret && this.above === other.above
    return same && shape && this.moved === other.moved
  }
  toDOM() {
    const mark = document.createElement('span')
    mark.className = `remote-mark${this.caret ? ' remote-caret' : ''}${this.above ? ' above' : ''}`
    mark.style.setProperty('--who', colourOf(this.person))
    mark.setAttribute('aria-hidden', 'true')
    if (this.named) mark.append(this.label(mark))
    return mark
  }
  private label(mark: HTMLElement) {
    const label = document.createElement('span')
    label.className = 'remote-label'
    label.textContent = this.person.name
    const left = this.moved + LABEL_MS - performance.now()
    if (left > 0) {
      mark.classList.add('moved')
      setTimeout(() => mark.classList.remove('moved'), left)
    }
    return label
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

function placeOf(head: number, doc: Text): Place {
  const line = doc.lineAt(head)
  if (head === line.to) return 'beside'
  const free = line.number > 1 && doc.line(line.number - 1).length <= head - line.from
  return free ? 'above' : 'line-end'
}

function draw(list: Held[], doc: Text): DecorationSet {
  const marks = list.flatMap((c) => {
    const head = Math.min(c.head, doc.length)
    const [from, to] = [Math.min(c.anchor, head), Math.min(Math.max(c.anchor, head), doc.length)]
    const place = placeOf(head, doc)
    const caret = new Mark(c.person, c.moved, place !== 'line-end', true, place === 'above')
    const found = [Decoration.widget({ widget: caret, side: 1 }).range(head)]
    if (place === 'line-end') {
      const name = new Mark(c.person, c.moved, true, false)
      found.push(Decoration.widget({ widget: name, side: 2 }).range(doc.lineAt(head).to))
    }
    const tint = { style: `background: color-mix(in oklab, ${colourOf(c.person)} 24%, transparent)` }
    if (from < to) found.push(Decoration.mark({ attributes: tint }).range(from, to))
    return found
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
        top: c.top === null ? null : tr.changes.mapPos(c.top, -1),
      }))
    }
    if (!effects.length) return { list, marks: value.marks.map(tr.changes) }
    for (const { value: change } of effects) {
      const replaced = new Set([...change.gone, ...change.moved.map((c) => c.client)])
      const moved = performance.now()
      list = [...list.filter((c) => !replaced.has(c.client)), ...change.moved.map((c) => ({ ...c, moved }))]
    }
    return { list, marks: draw(list, tr.state.doc) }
  },
  provide: (f) => EditorView.decorations.from(f, (value) => value.marks),
})

const theme = EditorView.baseTheme({
  '.remote-mark': { position: 'relative' },
  '.remote-caret': { borderLeft: '2px solid var(--who)', margin: '0 -1px', pointerEvents: 'none' },
  '.remote-label': {
    position: 'absolute',
    top: '0',
    left: '5px',
    padding: '0 5px',
    font: '600 10px/15px var(--font-ui)',
    whiteSpace: 'nowrap',
    color: 'var(--p-ink)',
    background: 'var(--who)',
    borderRadius: '3px',
    opacity: '0',
    transition: 'opacity var(--ease)',
    pointerEvents: 'none',
    zIndex: '3',
  },
  '.remote-mark.moved .remote-label': { opacity: '1' },
  '.remote-mark.above .remote-label': { top: 'auto', bottom: '100%', left: '-2px', borderRadius: '3px 3px 3px 0' },
})

// Where the carets of some clients stand. `early` are those whose text has not arrived: to be looked at with the next.
export function located(
  clients: Iterable<number>,
  states: Map<number, AwarenessState> | undefined,
  indexOf: (anchor: Anchor) => number | null,
) {
  const moved: Cursor[] = []
  const gone: number[] = []
  const early = new Set<number>()
  for (const client of clients) {
    const { person, cursor, top } = states?.get(client) ?? {}
    const anchor = cursor ? indexOf(cursor.anchor) : null
    const head = cursor ? indexOf(cursor.head) : null
    if (!person || !cursor) gone.push(client)
    else if (anchor !== null && head !== null)
      moved.push({ client, person, anchor, head, top: top ? indexOf(top) : null })
    else early.add(client)
  }
  return { moved, gone, early }
}

export const carets = (state: EditorState): readonly Cursor[] => state.field(field, false)?.list ?? []

export const cursors = [field, theme]
