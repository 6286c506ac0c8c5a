// What helps at the cursor (suggestions, next edits, quick actions) comes a moment after the text; this brings it.
import { Compartment, type Extension } from '@codemirror/state'
import { type EditorView, ViewPlugin } from '@codemirror/view'
import { signal } from '@preact/signals'
import { later } from '../ui/lazy'
import type { Live } from '../workspace/live'
import { type OpenDocument, registerExtension } from './open'

type Code = typeof import('./ghost-code')
const load = later(() => import('./ghost-code'))

/** Why there are no suggestions though there could be, for the status bar, and what a click there does. */
export const trouble = signal<{ text: string; title: string; act: () => void } | null>(null)

function helping(doc: OpenDocument, now: Live): Extension {
  const slot = new Compartment()
  const put = (view: EditorView, code: Code) => {
    if (Array.isArray(slot.get(view.state))) view.dispatch({ effects: slot.reconfigure(code.helpers(doc, now)) })
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
  return [slot.of([]), coming]
}

registerExtension(helping)
