// Parts of an editor whose code comes a moment after its text: fetched with the first editor, put in as soon as it is here.
import { Compartment, type Extension } from '@codemirror/state'
import { type EditorView, ViewPlugin } from '@codemirror/view'

/** What `load` gives, in its place among the extensions. Without a connection the text can be written all the same; the
 * next view asks again. A document keeps its state without a view, and then has the part already. */
export function coming(load: () => Promise<Extension>): Extension {
  const slot = new Compartment()
  const nothing: Extension = []
  const asking = ViewPlugin.define((view: EditorView) => {
    let gone = false
    const put = (part: Extension) => {
      if (!gone && slot.get(view.state) === nothing) view.dispatch({ effects: slot.reconfigure(part) })
    }
    void load().then(put, () => {})
    return {
      destroy: () => {
        gone = true
      },
    }
  })
  return [slot.of(nothing), asking]
}
