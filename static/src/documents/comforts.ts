// What makes writing comfortable, and comes a moment after the text: closing brackets, completion, find and replace.
import { Compartment, type EditorState, type Extension } from '@codemirror/state'
import { type EditorView, keymap, ViewPlugin } from '@codemirror/view'
import { later } from '../ui/lazy'
import { registerExtension } from './open'

type Code = typeof import('./comforts-code')
let code: Code | null = null
const load = later(async () => (code = await import('./comforts-code')))

/** Whether a completion or the search panel is open: Escape is theirs. */
export const popup = (state: EditorState) => code?.popup(state) ?? false

function comforts(): Extension {
  const slot = new Compartment()
  const put = (view: EditorView, found: Code) => {
    if (slot.get(view.state) !== found.comforts) view.dispatch({ effects: slot.reconfigure(found.comforts) })
  }
  // Asked for before it is here: not the browser's own search, which sees only the lines in view.
  const find = (view: EditorView) => {
    if (slot.get(view.state) === code?.comforts) return false
    view.contentDOM.blur() // what is typed meanwhile is for the panel
    void load().then((found) => {
      put(view, found)
      found.openSearch(view)
    }, ignore)
    return true
  }
  const coming = ViewPlugin.define((view) => {
    void load().then((found) => put(view, found), ignore)
    return {}
  })
  return [slot.of([]), coming, keymap.of([{ key: 'Mod-f', run: find, preventDefault: true }])]
}

/** Without a connection the text can be written all the same; the next view asks again. */
function ignore(): void {}

registerExtension(comforts)
