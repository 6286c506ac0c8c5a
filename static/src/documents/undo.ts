// Undo is per person: it takes back what was written in this tab, never what others or the model wrote.
import { Prec } from '@codemirror/state'
import { keymap } from '@codemirror/view'
import type { UndoManager } from 'yjs'
import { pump } from './pump'

export function undoKeys(manager: () => UndoManager, readOnly: () => boolean) {
  const key = (act: () => void) => () => {
    if (!readOnly()) act()
    pump.flush()
    return true
  }
  const back = key(() => void manager().undo())
  const forth = key(() => void manager().redo())
  return Prec.high(
    keymap.of([
      { key: 'Mod-z', run: back, preventDefault: true },
      { key: 'Mod-y', mac: 'Mod-Shift-z', run: forth, preventDefault: true },
      { key: 'Mod-Shift-z', run: forth, preventDefault: true },
    ]),
  )
}
