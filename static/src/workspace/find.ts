// What opens the box of files and commands (palette.tsx).
import { signal } from '@preact/signals'
import { registerCommand } from './commands'

/** What the box starts with; null while it is closed. */
export const finding = signal<string | null>(null)

export const openPalette = (startWith = '') => {
  finding.value = startWith
}
registerCommand({ id: 'go.file', title: 'Go to file', key: 'Mod-p', run: () => openPalette() })
registerCommand({ id: 'go.command', title: 'Show all commands', key: 'Mod-Shift-p', run: () => openPalette('>') })
registerCommand({
  id: 'go.command.f1',
  title: 'Show all commands',
  key: 'F1',
  hidden: true,
  run: () => openPalette('>'),
})
