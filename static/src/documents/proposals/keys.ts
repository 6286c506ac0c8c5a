// Keys of proposals. In a hunk: accept and reject; in a file that has some: accept all, next and previous. Where there
// is no hunk the keys keep their other meaning.
import { type Extension, Prec } from '@codemirror/state'
import { type EditorView, keymap } from '@codemirror/view'
import { mayTurn } from '../../sessions/mode'
import { words } from '../../ui/words/sessions'
import { registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import { decideAll, decideHere, go, type Verdict } from './acts'
import { currentPlace, marks, placeAt } from './field'

export function proposalKeys(now: Live): Extension {
  const may = () => mayTurn(now.role.peek())
  const here = (verdict: Verdict) => (view: EditorView) =>
    may() && decideHere(now, placeAt(view.state, view.state.selection.main.head), verdict)
  const all = (verdict: Verdict) => (view: EditorView) => {
    if (!may() || !hasHunks(view)) return false
    void decideAll(now, view.state, verdict)
    return true
  }
  const next = (view: EditorView) => go(view, 1)
  const previous = (view: EditorView) => go(view, -1)
  return Prec.high(
    keymap.of([
      { key: 'Mod-Enter', run: here('accept') },
      { key: 'Mod-Backspace', run: here('reject') },
      { key: 'Mod-Shift-Enter', run: all('accept') },
      { key: 'Alt-ArrowDown', run: next },
      { key: 'Alt-ArrowUp', run: previous },
      { key: 'F8', run: next, shift: previous },
    ]),
  )
}

function hasHunks(view: EditorView | null | undefined): view is EditorView {
  return (view?.state.field(marks, false)?.places.length ?? 0) > 0
}

/** The editor in front, if it shows hunks. */
function front(): EditorView | null {
  const view = live.value?.documents.active.value?.view
  return hasHunks(view) ? view : null
}

function command(id: string, title: string, run: (now: Live, view: EditorView) => void, key?: string): void {
  registerCommand({
    id: `proposal.${id}`,
    title,
    ...(key && { key }),
    when: () => front() !== null,
    run: () => {
      const view = front()
      if (view && live.value) run(live.value, view)
    },
  })
}

command('accept', words.commands.accept, (now, view) => decideHere(now, currentPlace(view.state), 'accept'))
command('reject', words.commands.reject, (now, view) => decideHere(now, currentPlace(view.state), 'reject'))
command('acceptAll', words.commands.acceptAll, (now, view) => void decideAll(now, view.state, 'accept'))
command('rejectAll', words.commands.rejectAll, (now, view) => void decideAll(now, view.state, 'reject'))
command('next', words.commands.next, (_, view) => go(view, 1) && view.focus(), 'F8')
command('previous', words.commands.previous, (_, view) => go(view, -1) && view.focus(), 'Shift-F8')
