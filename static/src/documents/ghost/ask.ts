// Asks for suggestions in the pauses of typing: one at a time, from what is known if it can, dropped when the text goes
// another way.
import { type EditorState, type Extension, Prec } from '@codemirror/state'
import { type EditorView, keymap, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { target } from '../../sessions/inline/edit'
import { problemOf } from '../../sessions/store'
import type { Live } from '../../workspace/live'
import { remote } from '../binding'
import { popup } from '../comforts'
import type { OpenDocument } from '../open'
import { marks } from '../proposals/field'
import { answered, failed, pace, patience, wanted } from './about'
import { GhostCache, type Place, placeOf } from './cache'
import { dismiss, ghost, setGhost, take } from './field'

const CLOSERS = /^[\s)\]}>"'`;:,]*$/
const WORD = /[\p{L}\p{N}_$]/u

/** Whether something may be suggested at the cursor. */
export function fits(state: EditorState): boolean {
  const { main, ranges } = state.selection
  if (state.readOnly || ranges.length > 1 || !main.empty || popup(state) || state.field(target, false)) return false
  const line = state.doc.lineAt(main.head)
  const rest = line.text.slice(main.head - line.from)
  if (!CLOSERS.test(rest) || WORD.test(rest.charAt(0))) return false
  return !writtenAround(state, line.number)
}

/** A turn writes in this line or beside it. */
function writtenAround(state: EditorState, line: number): boolean {
  const stretches = state.field(marks, false)?.stretches ?? []
  return stretches.some(({ from, to }) => {
    const first = state.doc.lineAt(from).number
    const last = state.doc.lineAt(to).number
    return line >= first - 1 && line <= last + 1
  })
}

const known = new GhostCache()
let requests = 0 // of this tab
let waiting: number | null = null

class Asker {
  private timer: ReturnType<typeof setTimeout> | undefined
  private gone = false

  constructor(
    private view: EditorView,
    private doc: OpenDocument,
    private now: Live,
  ) {}

  update(update: ViewUpdate) {
    const own = update.transactions.filter((tr) => tr.docChanged && !tr.annotation(remote))
    const typed = own.some((tr) => tr.isUserEvent('input') || tr.isUserEvent('delete'))
    if (typed) this.later()
    else if (update.selectionSet || own.length) this.forget()
    else if (update.state.field(ghost) && !fits(update.state)) queueMicrotask(() => !this.gone && dismiss(this.view))
  }

  destroy() {
    this.gone = true
    this.forget()
  }

  /** Ask at once, whatever it costs. Whether there was something. */
  async here(): Promise<boolean> {
    clearTimeout(this.timer)
    await this.ask(placeOf(this.view.state.doc, this.view.state.selection.main.head))
    return this.view.state.field(ghost) !== null
  }

  private later() {
    clearTimeout(this.timer)
    const { state } = this.view
    if (state.field(ghost)) return // typed along it
    if (!wanted() || this.view.composing || !fits(state)) return this.forget()
    const place = placeOf(state.doc, state.selection.main.head)
    const text = known.get(place)
    if (text !== null) {
      this.forget()
      queueMicrotask(() => this.show())
    } else this.timer = setTimeout(() => void this.ask(place), patience(pace.peek()))
  }

  private forget() {
    clearTimeout(this.timer)
    if (waiting !== null) void this.now.call('ghost.drop', { request: waiting }).catch(() => {})
    waiting = null
  }

  private async ask(place: Place): Promise<void> {
    if (this.gone || this.now.connection.peek() !== 'live') return
    const request = ++requests
    waiting = request
    const at = this.doc.anchorAt(this.view.state.selection.main.head)
    try {
      const answer = await this.now.call('ghost.suggest', { document: this.doc.id, at, request })
      if (answer.stale) return
      answered(answer.ms)
      known.put(place, answer.text)
      this.show()
    } catch (error) {
      failed(problemOf(error).message)
    } finally {
      if (waiting === request) waiting = null
    }
  }

  /** What is known for where the cursor is now. */
  private show() {
    const { view } = this
    if (this.gone || !view.hasFocus || view.composing || !fits(view.state)) return
    const at = view.state.selection.main.head
    const text = known.get(placeOf(view.state.doc, at))
    if (text) view.dispatch({ effects: setGhost.of({ at, text }) })
  }
}

/** What was dismissed does not come again in the same place. */
function refuse(view: EditorView): boolean {
  const shown = view.state.field(ghost)
  if (shown) known.refuse(placeOf(view.state.doc, shown.at))
  return dismiss(view)
}

const askers = new WeakMap<EditorView, Asker>()

/** Suggest at the cursor now. Whether there was something. */
export const askHere = (view: EditorView): Promise<boolean> => askers.get(view)?.here() ?? Promise.resolve(false)

export function suggestions(doc: OpenDocument, now: Live): Extension {
  const plugin = ViewPlugin.define((view) => {
    const asker = new Asker(view, doc, now)
    askers.set(view, asker)
    return asker
  })
  const keys = Prec.highest(
    keymap.of([
      { key: 'Tab', run: (view) => take(view, 'all') },
      { key: 'Mod-ArrowRight', run: (view) => take(view, 'word') },
      { key: 'Mod-ArrowDown', run: (view) => take(view, 'line') },
      { key: 'Alt-]', run: (view) => take(view, 'line') },
      { key: 'Escape', run: refuse },
    ]),
  )
  return [ghost, plugin, keys]
}
