// What helps at the cursor (inline and next edits, suggestions, quick actions) comes a moment after the text; this
// brings it.
import { Compartment, type Extension } from '@codemirror/state'
import { type EditorView, keymap, ViewPlugin } from '@codemirror/view'
import { signal } from '@preact/signals'
import { later } from '../../ui/lazy'
import type { Live } from '../../workspace/live'
import { type OpenDocument, registerExtension } from '../open'

type Code = typeof import('./code')
const load = later(() => import('./code'))

/** Why there are no suggestions though there could be, for the status bar, and what a click there does. */
export const trouble = signal<{ text: string; title: string; act: () => void } | null>(null)

function helping(doc: OpenDocument, now: Live): Extension {
  const slot = new Compartment()
  const empty: Extension = []
  const waits = (view: EditorView) => slot.get(view.state) === empty
  const put = (view: EditorView, code: Code) => {
    if (waits(view)) view.dispatch({ effects: slot.reconfigure(code.helpers(doc, now)) })
  }
  const coming = ViewPlugin.define((view) => {
    let gone = false
    // Without a connection the text can be written all the same; the next view asks again.
    void load().then(
      (code) => !gone && put(view, code),
      () => {},
    )
    return {
      destroy: () => {
        gone = true
      },
    }
  })
  // Asked for before it is here.
  const edit = (view: EditorView) => {
    if (!waits(view)) return false
    void load().then(
      (code) => {
        put(view, code)
        code.openInline(doc, now)
      },
      () => {},
    )
    return true
  }
  return [slot.of(empty), coming, keymap.of([{ key: 'Mod-k', run: edit, preventDefault: true }])]
}

registerExtension(helping)
