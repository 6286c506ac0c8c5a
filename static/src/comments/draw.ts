// Comments in the text: a tint in the colour of who began, a mark in the gutter, a button at the selection.
import { type Extension, Prec, RangeSet, StateEffect, StateField, type Text } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  EditorView,
  GutterMarker,
  gutter,
  keymap,
  showTooltip,
  type Tooltip,
  ViewPlugin,
} from '@codemirror/view'
import { effect } from '@preact/signals'
import { render } from 'preact'
import { type OpenDocument, registerExtension } from '../documents/open'
import { pump } from '../documents/pump'
import { type Pace, paced } from '../sessions/pace'
import { colourOf } from '../ui/avatar'
import { comments as words } from '../ui/words/past'
import type { Id, Thread } from '../wire'
import { keyText } from '../workspace/commands'
import { beginOn, placeOf } from './acts'
import { SelectionButton } from './button'
import { focused, mayComment, showThread, threads } from './state'

export interface Spot {
  id: Id
  from: number
  to: number
  colour: string
  count: number
  on: boolean
}

export const KEY = 'Mod-Alt-m'
const SETTLED_MS = 600
const TRIES = 40 // times an anchor that points ahead of the text is looked up again

const setSpots = StateEffect.define<readonly Spot[]>()

class Mark extends GutterMarker {
  constructor(readonly spot: Spot) {
    super()
  }

  override eq(other: Mark) {
    return other.spot.id === this.spot.id && other.spot.colour === this.spot.colour
  }

  override toDOM() {
    const dom = document.createElement('span')
    dom.className = 'comment-mark'
    dom.style.setProperty('--who', this.spot.colour)
    dom.title = words.count(this.spot.count)
    dom.dataset.thread = this.spot.id
    return dom
  }
}

interface Drawn {
  spots: readonly Spot[]
  ranges: DecorationSet
  marks: RangeSet<Mark>
}
const NONE: Drawn = { spots: [], ranges: Decoration.none, marks: RangeSet.empty }

function drawn(spots: readonly Spot[], text: Text): Drawn {
  const inside = spots.filter((spot) => spot.to > spot.from && spot.to <= text.length)
  const tint = ({ id, colour, on }: Spot) =>
    Decoration.mark({
      class: on ? 'cm-comment on' : 'cm-comment',
      attributes: { style: `--who: ${colour}`, 'data-thread': id },
    })
  return {
    spots: inside,
    ranges: Decoration.set(
      inside.map((spot) => tint(spot).range(spot.from, spot.to)),
      true,
    ),
    marks: RangeSet.of(
      inside.map((spot) => new Mark(spot).range(text.lineAt(spot.from).from)),
      true,
    ),
  }
}

const field = StateField.define<Drawn>({
  create: () => NONE,
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setSpots)) return drawn(effect.value, tr.state.doc)
    if (!tr.docChanged) return value
    const { changes, state } = tr
    const move = (spot: Spot) => ({ ...spot, from: changes.mapPos(spot.from, 1), to: changes.mapPos(spot.to, -1) })
    const moved = drawn(value.spots.map(move), state.doc)
    return { ...moved, ranges: value.ranges.map(changes) }
  },
  provide: (f) => EditorView.decorations.from(f, (value) => value.ranges),
})

/** Where the threads of a document stand. `complete` is false if one points to text that is not here yet. */
export function spotsOf(doc: Pick<OpenDocument, 'id' | 'posOf' | 'state'>, all: Iterable<Thread>, on: Id | null) {
  const spots: Spot[] = []
  let complete = true
  for (const thread of all) {
    if (thread.document !== doc.id || (thread.resolved_at && thread.id !== on)) continue
    const place = placeOf(doc, thread)
    if (!place) complete = false
    const by = thread.comments[0]?.author
    const colour = by ? colourOf(by) : 'var(--faint)'
    if (place) spots.push({ id: thread.id, ...place, colour, count: thread.comments.length, on: thread.id === on })
  }
  return { spots, complete }
}

/** Keeps one view in step with the threads. Never dispatches inside an update of the view. */
function following(doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let gone = false
    let tries = 0
    let shown: Id | null = null
    const put = () => {
      if (gone) return
      pump.flush()
      const on = focused.peek()
      const { spots, complete } = spotsOf(doc, threads.peek().values(), on)
      view.dispatch({ effects: setSpots.of(spots) })
      const spot = spots.find((one) => one.on)
      if (spot && shown !== on)
        view.dispatch({
          effects: EditorView.scrollIntoView(Math.min(spot.from, view.state.doc.length), { y: 'center' }),
        })
      if (spot || !on) shown = on
      if (complete) tries = 0
      else if (tries++ < TRIES) pace.soon()
    }
    const pace: Pace = paced(put)
    const stop = effect(() => {
      threads.value
      focused.value
      doc.loaded.value
      pace.soon()
    })
    let later: ReturnType<typeof setTimeout> | undefined
    return {
      // Mapped meanwhile; text that an undo has brought back is only found by its anchors.
      update(update) {
        if (!update.docChanged) return
        clearTimeout(later)
        later = setTimeout(pace.soon, SETTLED_MS)
      },
      destroy() {
        gone = true
        clearTimeout(later)
        pace.stop()
        stop()
      },
    }
  })
}

function open(id: string | undefined): boolean {
  const thread = id ? threads.peek().get(id) : undefined
  if (thread) showThread(thread)
  return !!thread
}

const marks = gutter({
  class: 'cm-comments',
  markers: (view) => view.state.field(field).marks,
  domEventHandlers: {
    mousedown: (_view, _line, event) => open((event.target as HTMLElement).dataset.thread),
  },
})

/** The button beside what is selected. */
function atSelection(doc: OpenDocument): Extension {
  const tooltip = (pos: number, above: boolean): Tooltip => ({
    pos,
    above,
    create: () => {
      const dom = document.createElement('div')
      dom.className = 'comment-begin'
      render(SelectionButton({ label: words.begin, hint: keyText(KEY), run: () => beginOn(doc) }), dom)
      return { dom, destroy: () => render(null, dom) }
    },
  })
  return showTooltip.compute(['selection'], (state) => {
    const { main } = state.selection
    return main.empty || !mayComment(doc.live.role.peek()) ? null : tooltip(main.head, main.head <= main.anchor)
  })
}

/** A click on commented text shows its thread; selecting text does not. */
const clicks = EditorView.domEventHandlers({
  click(event, view) {
    const at = (event.target as HTMLElement).closest<HTMLElement>('.cm-comment')
    if (at && view.state.selection.main.empty) open(at.dataset.thread)
  },
})

export function commentExtension(doc: OpenDocument): Extension {
  const begin = () => {
    beginOn(doc)
    return true
  }
  return [
    field,
    marks,
    clicks,
    following(doc),
    atSelection(doc),
    Prec.high(keymap.of([{ key: KEY, run: begin, preventDefault: true }])),
  ]
}

/** The comment after (or before) the caret, going round. */
export function step(doc: OpenDocument, by: 1 | -1) {
  const found = [...(doc.state.field(field, false)?.spots ?? [])].sort((a, b) => a.from - b.from)
  const at = doc.state.selection.main.head
  const next =
    by > 0 ? (found.find((s) => s.from > at) ?? found[0]) : (found.findLast((s) => s.from < at) ?? found.at(-1))
  if (!next) return
  doc.dispatch({ selection: { anchor: next.from } })
  open(next.id)
}

registerExtension(commentExtension)
