// Quick actions in an editor: the menu by pointer and key, the offer to fix beside a line with a syntax problem, and
// their commands.
import { type Extension, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import { target } from '../../sessions/inline/edit'
import { quick as words } from '../../ui/words/editing'
import type { Quick } from '../../wire'
import { keyText, registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import { ghost } from '../ghost/field'
import type { OpenDocument } from '../open'
import { act, obstacle } from './acts'
import { openMenu } from './menu'
import { problemIn, rangeOfLine } from './place'
import './quick.css'

const CALM_MS = 1000 // half-written code has problems of its own
const KEY = 'Mod-.'

const setOffer = StateEffect.define<number | null>()

/** The line beside which a fix is offered. */
function offers(doc: OpenDocument, now: Live): Extension {
  return StateField.define<DecorationSet>({
    create: () => Decoration.none,
    update(value, tr) {
      let next = tr.docChanged || tr.selection ? Decoration.none : value
      for (const effect of tr.effects) {
        if (!effect.is(setOffer)) continue
        const at = effect.value
        const widget = at === null ? null : new Offer(doc, now, tr.state.doc.lineAt(at).number)
        next =
          widget && at !== null ? Decoration.set(Decoration.widget({ widget, side: 3 }).range(at)) : Decoration.none
      }
      return next
    },
    provide: (field) => EditorView.decorations.from(field),
  })
}

class Offer extends WidgetType {
  constructor(
    readonly doc: OpenDocument,
    readonly now: Live,
    readonly line: number,
  ) {
    super()
  }
  override eq(other: Offer) {
    return other.line === this.line
  }
  toDOM() {
    const dom = document.createElement('button')
    dom.type = 'button'
    dom.className = 'cm-quick-offer'
    dom.tabIndex = -1 // the key does the same, and the text keeps the focus
    dom.title = `${words.bulbTitle(this.line)} (${keyText(KEY)})`
    dom.textContent = words.bulb
    dom.onmousedown = (event) => event.preventDefault()
    dom.onclick = () => act(this.doc, this.now, 'fix')
    return dom
  }
  override ignoreEvent() {
    return true
  }
}

function looking(doc: OpenDocument, now: Live): Extension {
  return ViewPlugin.define((view) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      const { state } = view
      const { main } = state.selection
      if (!main.empty || state.readOnly || state.field(target, false) || state.field(ghost, false)) return
      const line = state.doc.lineAt(main.head)
      if (!problemIn(state, rangeOfLine(state, main.head)) || obstacle(doc, now, 'fix')) return
      view.dispatch({ effects: setOffer.of(line.to) })
    }
    return {
      update(update: ViewUpdate) {
        if (!update.docChanged && !update.selectionSet) return
        clearTimeout(timer)
        if (view.hasFocus) timer = setTimeout(look, CALM_MS)
      },
      destroy: () => clearTimeout(timer),
    }
  })
}

/** The menu where the pointer asks for it; with Shift, and by touch, the browser's own. */
function pointing(doc: OpenDocument, now: Live): Extension {
  return EditorView.domEventHandlers({
    contextmenu(event, view) {
      if (event.shiftKey || (event as PointerEvent).pointerType === 'touch') return false
      const at = view.posAtCoords({ x: event.clientX, y: event.clientY }, false)
      const { ranges } = view.state.selection
      if (!ranges.some(({ from, to }) => at >= from && at <= to)) view.dispatch({ selection: { anchor: at } })
      event.preventDefault()
      openMenu(doc, now, { left: event.clientX, top: event.clientY, bottom: event.clientY }, true)
      return true
    },
  })
}

export const quickActions = (doc: OpenDocument, now: Live): Extension => [
  offers(doc, now),
  looking(doc, now),
  pointing(doc, now),
]

const front = () => live.peek()?.documents.active.peek() ?? null

function command(kind: Quick, title: string): void {
  registerCommand({
    id: `quick.${kind}`,
    title,
    when: () => front()?.view != null,
    run: () => {
      const [doc, now] = [front(), live.peek()]
      if (doc && now) act(doc, now, kind)
    },
  })
}

command('explain', words.commands.explain)
command('fix', words.commands.fix)
command('tests', words.commands.tests)
command('document', words.commands.document)

registerCommand({
  id: 'quick.menu',
  title: words.open,
  key: KEY,
  when: () => front()?.view != null,
  run: () => {
    const [doc, now] = [front(), live.peek()]
    const view = doc?.view
    if (!doc || !view || !now) return
    const at = view.coordsAtPos(view.state.selection.main.head) ?? view.dom.getBoundingClientRect()
    openMenu(doc, now, at, false)
  },
})
