// Every act that has a name: the palette lists them, one keyboard registry runs them.
import { tinykeys } from 'tinykeys'

export interface Command {
  id: string
  title: string
  key?: string // 'Mod-k', 'Alt-w', 'F1'
  hidden?: boolean // not in the palette
  when?: () => boolean
  run: () => void
}

const commands = new Map<string, Command>()
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

const listeners = new Set<() => void>() // bind anew

export function registerCommand(command: Command) {
  commands.set(command.id, command)
  if (command.key) for (const bind of listeners) bind()
}
export const listCommands = () => [...commands.values()].filter((c) => !c.hidden && (c.when?.() ?? true))
export function runCommand(id: string) {
  const command = commands.get(id)
  if (command && (command.when?.() ?? true)) command.run()
}

const NAMES: Record<string, string> = {
  Mod: isMac ? '⌘' : 'Ctrl',
  Alt: isMac ? '⌥' : 'Alt',
  Shift: isMac ? '⇧' : 'Shift',
}
export const keyText = (key: string) =>
  key
    .split('-')
    .map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(isMac ? '' : ' ')

const BRACKETS: Record<string, string> = { '[': 'BracketLeft', ']': 'BracketRight' }

// tinykeys' spelling of ours. A letter goes by its physical key, so that Alt and other layouts cannot change it.
export function spell(key: string) {
  const parts = key.split('-')
  const last = parts.pop()!
  const named = /^[a-z]$/.test(last) ? `Key${last.toUpperCase()}` : /^\d$/.test(last) ? `Digit${last}` : last
  const code = BRACKETS[named] ?? named
  return [...parts.map((p) => (p === 'Mod' ? '$mod' : p)), code].join('+')
}

// Parts may register commands later too. An editor that handled the key has prevented its default.
export function listenToKeys(target: Window) {
  let stop = () => {}
  const bind = () => {
    stop()
    // By itself tinykeys would leave out every key pressed in an editor or a field.
    stop = tinykeys(target, table(), { ignore: (event) => event.defaultPrevented || event.isComposing })
  }
  bind()
  listeners.add(bind)
  return () => {
    listeners.delete(bind)
    stop()
  }
}

function table() {
  const found: Record<string, (event: KeyboardEvent) => void> = {}
  for (const command of commands.values()) {
    if (!command.key) continue
    const { key, when, run } = command
    const spelled = spell(command.key)
    const before = found[spelled]
    found[spelled] = (event) => {
      before?.(event)
      if (event.defaultPrevented || !(when?.() ?? true)) return
      const modal = document.querySelector('dialog[open]') !== null
      if (!modal || key.startsWith('Mod-')) event.preventDefault() // never the browser's print or save
      if (!modal) run()
    }
  }
  return found
}
