// The floor: CodeMirror with a highlighted file and nothing else, into which the same tokens are dispatched at the same pace,
// what is due in one frame together.
import { python } from '@codemirror/lang-python'
import { defaultHighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'

let view

globalThis.openFloor = (doc) => {
  view?.destroy()
  document.body.replaceChildren()
  Object.assign(document.body.style, { margin: '0', display: 'block' })
  const full = EditorView.theme({ '&': { height: '100vh' }, '.cm-scroller': { overflow: 'auto' } })
  const extensions = [lineNumbers(), python(), syntaxHighlighting(defaultHighlightStyle), full]
  view = new EditorView({ state: EditorState.create({ doc, extensions }), parent: document.body })
  view.focus()
  view.dispatch({ selection: { anchor: view.state.doc.length }, scrollIntoView: true })
}

// Puts `pieces` in at `at`, `rate` of them a second; resolves when all are there.
globalThis.streamFloor = (pieces, at, rate) =>
  new Promise((resolve) => {
    const began = performance.now()
    let done = 0
    const frame = () => {
      const due = Math.min(pieces.length, Math.floor(((performance.now() - began) / 1000) * rate))
      if (due > done) {
        const insert = pieces.slice(done, due).join('')
        view.dispatch({ changes: { from: at, insert } })
        at += insert.length
        done = due
      }
      if (done < pieces.length) requestAnimationFrame(frame)
      else resolve()
    }
    requestAnimationFrame(frame)
  })
