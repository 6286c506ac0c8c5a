// Following somebody: the editor shows the file and the place they look at, until one does something of one's own.
import type { Extension } from '@codemirror/state'
import { EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { effect, signal } from '@preact/signals'
import { Refusal } from '../net/http'
import type { Person } from '../wire'
import { type Live, live } from '../workspace/live'
import { remote } from './binding'
import { carets } from './cursors'
import { type OpenDocument, registerExtension } from './open'
import { marks } from './proposals/field'
import { regions } from './proposals/proposals'
import { pump } from './pump'

export type Followed = Person | 'model'
export const followed = signal<Followed | null>(null)

export const follow = (who: Followed) => {
  followed.value = who
}
export const unfollow = () => {
  followed.value = null
}
export const isFollowed = (who: Followed) => idOf(followed.value) === idOf(who)
const idOf = (who: Followed | null) => (who === 'model' ? 'model' : (who?.id ?? null))

// The file they are in.
function fileOf(now: Live, who: Followed): string | null {
  if (who === 'model') return [...regions.value.values()].at(-1)?.path ?? null
  return now.presence.value.find((p) => p.id === who.id && p.path)?.path ?? null
}

effect(() => {
  const now = live.value
  const who = followed.value
  if (!now || !who) return
  const path = fileOf(now, who)
  if (!path || now.documents.active.peek()?.path.peek() === path) return
  // What they see cannot be opened here: one stays where one is.
  now.documents.open(path, { focus: false }).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error
  })
})

// Esc ends it wherever the focus is; a dialog takes its own Esc first.
effect(() => {
  if (!followed.value) return
  const stop = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || document.querySelector('dialog[open], [popover]:popover-open')) return
    event.preventDefault()
    event.stopPropagation()
    unfollow()
  }
  addEventListener('keydown', stop, true)
  return () => removeEventListener('keydown', stop, true)
})

// Where to look, in this editor: the top of their view, or else their caret.
function placeOf(view: EditorView, who: Followed) {
  if (who === 'model') {
    const end = view.state.field(marks, false)?.stretches.at(-1)?.to
    return end === undefined ? null : { at: end, y: 'center' as const, yMargin: 5 }
  }
  const caret = carets(view.state).findLast((c) => c.person.id === who.id)
  if (!caret) return null
  return caret.top === null
    ? { at: caret.head, y: 'center' as const, yMargin: 5 }
    : { at: caret.top, y: 'start' as const, yMargin: caret.top ? 0 : PADDING }
}

function following(_doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let last = ''
    let gone = false
    const look = () => {
      const who = followed.peek()
      const place = who && !gone ? placeOf(view, who) : null
      if (!place) return
      const at = Math.min(place.at, view.state.doc.length)
      const now = `${idOf(who)} ${view.state.doc.lineAt(at).number}`
      if (now === last) return
      last = now
      const { y, yMargin } = place
      view.dispatch({ effects: EditorView.scrollIntoView(at, { y, yMargin }) })
    }
    const soon = () => queueMicrotask(() => pump.after(look))
    const stop = effect(() => {
      last = ''
      if (followed.value) soon()
    })
    const own = () => unfollow()
    for (const name of OWN) view.scrollDOM.addEventListener(name, own, { passive: true })
    return {
      update(update: ViewUpdate) {
        if (!followed.peek()) return
        const typed = update.transactions.some((tr) => tr.docChanged && !tr.annotation(remote))
        if (typed) queueMicrotask(unfollow)
        else if (update.transactions.length) soon()
      },
      destroy() {
        gone = true
        stop()
        for (const name of OWN) view.scrollDOM.removeEventListener(name, own)
      },
    }
  })
}
const PADDING = 12 // above the first line
const OWN = ['wheel', 'touchmove', 'pointerdown']

registerExtension(following)
