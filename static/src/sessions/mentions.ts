// What can be mentioned in a message: the open file, its selection, the other tabs. Pure but for reading documents.
import type { OpenDocument } from '../documents/open'
import { words } from '../ui/words/sessions'
import type { Mention } from '../wire'

export interface Choice {
  mention: Mention
  label: string
  hint: string
}

// Lines of a selection are a label of the moment it was taken; the anchors say where it is now.
const lines = new WeakMap<Mention, { from: number; to: number }>()

export function choices(active: OpenDocument | null, tabs: readonly OpenDocument[]): Choice[] {
  const found: Choice[] = []
  const selection = active && selectionOf(active)
  if (selection) found.push({ mention: selection, label: labelOf(selection), hint: words.mentionThisSelection })
  for (const tab of [...(active ? [active] : []), ...tabs.filter((one) => one !== active)]) {
    const mention: Mention = { kind: 'file', path: tab.path.peek() }
    found.push({ mention, label: labelOf(mention), hint: tab === active ? words.mentionThisFile : words.mentionTab })
  }
  return found
}

/** The selection as a mention, or null if nothing is selected. */
export function selectionOf(doc: OpenDocument): Mention | null {
  const { from, to } = doc.selection()
  if (from === to) return null
  const mention: Mention = {
    kind: 'selection',
    path: doc.path.peek(),
    from: doc.anchorAt(from, 0),
    to: doc.anchorAt(to, -1),
  }
  const text = doc.state.doc
  lines.set(mention, { from: text.lineAt(from).number, to: text.lineAt(to).number })
  return mention
}

export function labelOf(mention: Mention): string {
  const at = lines.get(mention)
  if (mention.kind === 'selection' && at) return words.mentionSelection(mention.path, at.from, at.to)
  return mention.kind === 'selection'
    ? `${mention.path} · ${words.mentionThisSelection}`
    : words.mentionFile(mention.path)
}

/** Whether the two mention the same thing. */
export function sameMention(a: Mention, b: Mention): boolean {
  return a.kind === b.kind && a.path === b.path && a.from === b.from && a.to === b.to
}
