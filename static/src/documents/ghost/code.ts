// The code of ghost.ts: what helps at the cursor, and its commands.
import type { Extension } from '@codemirror/state'
import { inlineExtension, openInline } from '../../sessions/inline/inline'
import { say } from '../../sessions/say'
import { toast } from '../../ui/toast'
import { ghost as words } from '../../ui/words/editing'
import { registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import './ghost.css'
import type { OpenDocument } from '../open'
import { quickActions } from '../quick/quick'
import { about, toggle } from './about'
import { askHere, suggestions } from './ask'
import { ghost } from './field'
import { nextEdits } from './next'

export const helpers = (doc: OpenDocument, now: Live): Extension => [
  inlineExtension(doc, now),
  suggestions(doc, now),
  nextEdits(),
  quickActions(doc, now),
]

export { openInline }

const front = () => live.peek()?.documents.active.peek()?.view ?? null
const shown = () => front()?.state.field(ghost, false) ?? null

registerCommand({
  id: 'ghost.ask',
  title: words.askNow,
  when: () => front() !== null,
  run: () => {
    const view = front()
    if (about.peek().endpoint === null) return toggle().run()
    view?.focus()
    if (view) void askHere(view).then((found) => found || toast(words.nothing))
  },
})
registerCommand({
  id: 'ghost.read',
  title: words.read,
  when: () => shown() !== null,
  run: () => say(words.said(shown()?.text ?? '')),
})
