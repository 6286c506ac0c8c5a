// Who wrote each line: whether the column is shown, and the commands. Its code comes when it is first wanted.
import { Compartment, type Extension } from '@codemirror/state'
import { ViewPlugin } from '@codemirror/view'
import { effect, signal } from '@preact/signals'
import { type OpenDocument, registerExtension } from '../documents/open'
import { later } from '../ui/lazy'
import { toast } from '../ui/toast'
import { blame as words } from '../ui/words/past'
import { words as shell } from '../ui/words/shell'
import { registerCommand } from '../workspace/commands'
import { live } from '../workspace/live'

const KEPT = 'tandem.blame'
export const shown = signal(localStorage.getItem(KEPT) === 'on')
effect(() => localStorage.setItem(KEPT, shown.value ? 'on' : 'off'))

const load = later(() => import('./column'))
const away = () => toast(`${shell.partAway.message} ${shell.partAway.do}`, 'warn')

export function blameExtension(doc: OpenDocument): Extension {
  const slot = new Compartment()
  const switching = ViewPlugin.define((view) => {
    let gone = false
    let is = false
    const put = (wanted: boolean, column: Extension) => {
      if (gone || wanted !== shown.peek() || wanted === is) return
      is = wanted
      view.dispatch({ effects: slot.reconfigure(column) })
    }
    const stop = effect(() => {
      if (shown.value) void load().then((code) => put(true, code.blameColumn(doc)), away)
      else queueMicrotask(() => put(false, []))
    })
    return {
      destroy() {
        gone = true
        stop()
      },
    }
  })
  return [slot.of([]), switching]
}

const active = () => live.peek()?.documents.active.peek() ?? null
registerExtension(blameExtension)
registerCommand({
  id: 'view.blame',
  title: words.toggle,
  when: () => live.peek() !== null,
  run: () => {
    shown.value = !shown.peek()
  },
})
registerCommand({
  id: 'blame.line',
  title: words.who,
  key: 'Mod-Alt-a',
  when: () => active() !== null,
  run: () => {
    const doc = active()!
    void load().then((code) => code.showCard(doc), away)
  },
})
