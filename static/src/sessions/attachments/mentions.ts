// What a mention is called and how it looks. Pure but for reading the selection of a document.
import type { OpenDocument } from '../../documents/open'
import type { IconName } from '../../ui/icon'
import { words } from '../../ui/words/composer'
import type { Mention } from '../../wire'
import { shownName } from '../../workspace/tree-model'

export const ICONS: Record<Mention['kind'], IconName> = {
  file: 'file',
  folder: 'folder',
  symbol: 'code',
  selection: 'text-cursor',
  diff: 'git-branch',
  terminal: 'play',
  problems: 'triangle-alert',
  job: 'wrench',
  turn: 'message-square',
}

/** The selection as a mention, or null if nothing is selected. Its name says which lines it was. */
export function selectionOf(doc: OpenDocument): Mention | null {
  const { from, to } = doc.selection()
  if (from === to) return null
  const text = doc.state.doc
  return {
    kind: 'selection',
    path: doc.path.peek(),
    from: doc.anchorAt(from, 0),
    to: doc.anchorAt(to, -1),
    // A selection of whole lines ends where the next one begins.
    name: words.lines(text.lineAt(from).number, text.lineAt(Math.max(from, to - 1)).number),
  }
}

/** In full, as a chip and a title have it. */
export function labelOf({ kind, path = '', name = '' }: Mention): string {
  const at = shownName(path)
  switch (kind) {
    case 'file':
      return at
    case 'folder':
      return `${at}/`
    case 'symbol':
      return `${name} · ${at}`
    case 'selection':
      return name ? `${at}, ${name}` : `${at}, ${words.selection.toLowerCase()}`
    case 'diff':
      return words.changes
    case 'terminal':
      return words.commands
    case 'problems':
      return words.problems
    case 'job':
      return words.job(name)
    case 'turn':
      return words.turn(name)
  }
}

/** In short, as a sentence has it behind its @; without blanks, so that it reads as one word. */
export function wordOf(mention: Mention): string {
  const last = shownName(mention.path ?? '')
    .split('/')
    .pop()!
  const word = {
    file: last,
    folder: `${last}/`,
    symbol: mention.name ?? '',
    selection: `${last}:${(mention.name ?? '').replace(/\D+/g, '-').replace(/^-/, '')}`,
    diff: words.changes.toLowerCase(),
    terminal: 'commands',
    problems: words.problems.toLowerCase(),
    job: 'job',
    turn: 'turn',
  }[mention.kind]
  return `@${word.replace(/\s+/g, '-').replace(/:$/, '')}`
}

/** Whether the two mention the same thing. */
export function sameMention(a: Mention, b: Mention): boolean {
  const parts = ['kind', 'path', 'from', 'to', 'id'] as const
  return parts.every((part) => a[part] === b[part]) && (a.kind !== 'symbol' || a.name === b.name)
}

/** The word that begins with an @ and ends at the caret, if a mention is being typed: not in the middle of an address. */
export function askedAt(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|[\s([{"'`])@([^\s@]{0,80})$/.exec(text.slice(0, caret))
  return found && { from: caret - found[1]!.length - 1, query: found[1]! }
}
