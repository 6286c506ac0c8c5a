// Two bars: one floats at the hunk people act on (accept, reject, which of how many), one stands above the file (whose
// changes, all of them at once).
import type { Extension } from '@codemirror/state'
import { type EditorView, type Panel, showPanel, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import type { ReadonlySignal } from '@preact/signals'
import { render } from 'preact'
import { interrupt, stopping } from '../../sessions/acts'
import { mayTurn } from '../../sessions/mode'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/sessions'
import type { Id, Proposal } from '../../wire'
import { keyText } from '../../workspace/commands'
import type { Live } from '../../workspace/live'
import type { OpenDocument } from '../open'
import { decide, deciding, go } from './acts'
import { currentPlace, keyOf, linesOf, marks, type Place, placeAt, setHover } from './field'

type Proposals = ReadonlySignal<ReadonlyMap<Id, Proposal>>

export function bars(doc: OpenDocument, live: Live, proposals: Proposals): Extension {
  const panel = (view: EditorView) => filePanel({ doc, live, proposals, view })
  const shown = showPanel.compute([marks], (state) => {
    const { places, stretches } = state.field(marks)
    return places.length || stretches.length ? panel : null
  })
  return [shown, floating(live)]
}

// --- above the file --------------------------------------------------------------------------------------------------

interface Bound {
  doc: OpenDocument
  live: Live
  proposals: Proposals
  view: EditorView
}

function filePanel(bound: Bound): Panel {
  const dom = document.createElement('div')
  dom.className = 'proposal-panel'
  render(<FileBar {...bound} />, dom)
  return { dom, top: true, destroy: () => render(null, dom) }
}

function FileBar({ doc, live, proposals, view }: Bound) {
  const open = [...proposals.value.values()].filter((one) => one.document === doc.id)
  return (
    <>
      {open.map((one) => (
        <ProposalRow key={one.id} proposal={one} live={live} view={view} />
      ))}
    </>
  )
}

function ProposalRow({ proposal, live, view }: { proposal: Proposal; live: Live; view: EditorView }) {
  const { id, hunks, writing, waiting, owner, turn, stale = 0 } = proposal
  const who = proposal.job ? words.jobFor(owner) : words.modelFor(owner)
  const busy = deciding.value.has(`${id}/all`)
  const why = mayTurn(live.role.value) ? '' : words.mayNotDecide
  const off = busy || why !== '' || hunks.every((hunk) => hunk.pen)
  const stop = writing && turn && owner?.id === live.me.id
  return (
    <div class="proposal-row">
      <span class={writing ? 'proposal-who live' : 'proposal-who'}>
        <Icon name="sparkles" size={14} />{' '}
        {writing ? words.isWriting(who, hunks.length) : (waiting ? words.proposes : words.changed)(who, hunks.length)}
      </span>
      {stale > 0 && (
        <span class="muted" title={words.staleWhy}>
          {words.stale(stale)}
        </span>
      )}
      {stop && (
        <button type="button" disabled={stopping.value.has(turn)} onClick={() => void interrupt(live, turn)}>
          {words.stop} <kbd>{words.escape}</kbd>
        </button>
      )}
      <button
        type="button"
        class="quiet"
        title={words.nextChange}
        disabled={hunks.length === 0}
        onClick={() => go(view, 1) && view.focus()}
      >
        {words.nextChange} <kbd>F8</kbd>
      </button>
      <button
        type="button"
        class="yes"
        disabled={off}
        title={why}
        onClick={() => void decide(live, id, 'all', 'accept')}
      >
        {words.acceptAll}
      </button>
      <button
        type="button"
        class="no"
        disabled={off}
        title={why}
        onClick={() => void decide(live, id, 'all', 'reject')}
      >
        {words.rejectAll}
      </button>
    </div>
  )
}

// --- at the hunk -----------------------------------------------------------------------------------------------------

const GAP = 2 // px between the hunk and its bar
const HEIGHT = 30

function floating(live: Live): Extension {
  return ViewPlugin.fromClass(
    class {
      readonly dom = document.createElement('div')
      private readonly moved = () => this.view.requestMeasure(this.place)
      private readonly place = {
        key: this,
        read: () => topOf(this.view),
        write: (top: number | null) => {
          this.dom.style.display = top === null ? 'none' : ''
          if (top !== null) this.dom.style.transform = `translateY(${Math.round(top)}px)`
        },
      }

      constructor(readonly view: EditorView) {
        this.dom.className = 'hunk-bar'
        this.dom.style.display = 'none'
        view.dom.append(this.dom)
        view.scrollDOM.addEventListener('scroll', this.moved, { passive: true })
        this.draw()
      }

      update(update: ViewUpdate): void {
        const changed = update.startState.field(marks) !== update.state.field(marks)
        if (changed || update.selectionSet) this.draw()
        if (changed || update.selectionSet || update.geometryChanged) this.moved()
      }

      destroy(): void {
        this.view.scrollDOM.removeEventListener('scroll', this.moved)
        render(null, this.dom)
        this.dom.remove()
      }

      private draw(): void {
        const place = currentPlace(this.view.state)
        const { places } = this.view.state.field(marks)
        const [nth, of] = [place ? places.indexOf(place) + 1 : 0, places.length]
        render(place && <HunkBar live={live} view={this.view} place={place} nth={nth} of={of} />, this.dom)
      }
    },
    { eventHandlers: { mousemove: pointed, mouseleave: left } },
  )
}

/** Where the bar's top belongs, in px below the view's own top; null if its hunk is out of sight. */
function topOf(view: EditorView): number | null {
  const place = currentPlace(view.state)
  if (!place) return null
  const { doc } = view.state
  const frame = view.dom.getBoundingClientRect()
  const box = view.scrollDOM.getBoundingClientRect()
  const lines = linesOf(doc, place)
  const start = view.lineBlockAt(place.from)
  const end = lines ? view.lineBlockAt(doc.line(lines.last).from) : start
  const top = view.documentTop + start.top
  const wanted = lines ? view.documentTop + end.bottom + GAP : top + GAP
  if (top > box.bottom - HEIGHT || view.documentTop + end.bottom < box.top) return null
  return Math.min(wanted, box.bottom - HEIGHT - GAP) - frame.top
}

function pointed(event: MouseEvent, view: EditorView): void {
  if (view.state.field(marks).places.length < 2) return
  const pos = view.posAtCoords({ x: event.clientX, y: event.clientY }, false)
  const place = placeAt(view.state, pos)
  const key = place && keyOf(place)
  // Leaving a hunk keeps it current: the way to its bar leads over other lines.
  if (key !== null && key !== view.state.field(marks).hover) view.dispatch({ effects: setHover.of(key) })
}

function left(event: MouseEvent, view: EditorView): void {
  const to = event.relatedTarget
  if (to instanceof Node && view.dom.contains(to)) return
  if (view.state.field(marks).hover !== null) view.dispatch({ effects: setHover.of(null) })
}

interface BarProps {
  live: Live
  view: EditorView
  place: Place
  nth: number
  of: number
}

function HunkBar({ live, view, place, nth, of }: BarProps) {
  const busy = deciding.value.has(keyOf(place)) || deciding.value.has(`${place.proposal}/all`)
  const why = mayTurn(live.role.value) ? (place.pen ? words.penned : '') : words.mayNotDecide
  const act = (verdict: 'accept' | 'reject') => {
    void decide(live, place.proposal, [place.hunk], verdict)
    view.focus()
  }
  const step = (way: 1 | -1) => {
    go(view, way)
    view.focus()
  }
  return (
    <div role="toolbar" aria-label={words.hunk}>
      <button
        type="button"
        class="yes"
        disabled={busy || why !== ''}
        title={why || keyText('Mod-Enter')}
        onClick={() => act('accept')}
      >
        <Icon name="check" size={12} /> {words.accept}
      </button>
      <button
        type="button"
        class="no"
        disabled={busy || why !== ''}
        title={why || keyText('Mod-Backspace')}
        onClick={() => act('reject')}
      >
        <Icon name="x" size={12} /> {words.reject}
      </button>
      <span class="num">{words.nth(nth, of)}</span>
      <button
        type="button"
        class="quiet"
        aria-label={words.previousChange}
        title={words.previousChange}
        onClick={() => step(-1)}
      >
        <Icon name="arrow-up" size={12} />
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={words.nextChange}
        title={words.nextChange}
        onClick={() => step(1)}
      >
        <Icon name="arrow-down" size={12} />
      </button>
    </div>
  )
}
