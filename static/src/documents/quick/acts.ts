// What quick actions do: explaining and testing are turns of the session, fixing and documenting are inline edits.
import { tell } from '../../sessions/acts'
import { openInline } from '../../sessions/inline/inline'
import { mayTurn } from '../../sessions/mode'
import { say } from '../../sessions/say'
import { showTurn } from '../../sessions/show'
import { sessions } from '../../sessions/store'
import { toast } from '../../ui/toast'
import { quick as words } from '../../ui/words/editing'
import { words as session } from '../../ui/words/sessions'
import type { Quick } from '../../wire'
import type { Live } from '../../workspace/live'
import type { OpenDocument } from '../open'
import { placeOf, problemIn, rangeToFix } from './place'

/** Why an action cannot be taken here; '' if it can. */
export function obstacle(doc: OpenDocument, now: Live, kind: Quick | 'edit'): string {
  if (!mayTurn(now.role.peek())) return session.why.role(now.role.peek())
  if (now.connection.peek() !== 'live') return session.why.offline
  if (!now.models.peek()?.endpoints.length) return session.inlineNeedsModel
  if (kind === 'explain' || kind === 'tests') return ''
  if (doc.access.peek() === 'read') return doc.reason.peek() || session.inlineReadOnly
  return kind === 'fix' && !problemIn(doc.state, placeOf(doc.state)) ? words.noProblem : ''
}

export function act(doc: OpenDocument, now: Live, kind: Quick): void {
  const why = obstacle(doc, now, kind)
  if (why) toast(why, 'warn')
  else if (kind === 'document') openInline(doc, now, { kind, text: words.began[kind] }, placeOf(doc.state))
  else if (kind === 'fix') fix(doc, now)
  else void ask(doc, now, kind)
}

function fix(doc: OpenDocument, now: Live): void {
  const problem = problemIn(doc.state, placeOf(doc.state))
  if (!problem) return
  const own = { kind: 'fix' as const, text: words.began.fix, problem: problem.text }
  openInline(doc, now, own, rangeToFix(doc.state, problem))
}

async function ask(doc: OpenDocument, now: Live, kind: 'explain' | 'tests'): Promise<void> {
  const { from, to } = placeOf(doc.state)
  const all = sessions.peek()
  const [open, endpoint] = [all?.current.peek(), all?.picked.peek()]
  const place = { document: doc.id, from: doc.anchorAt(from, 0), to: doc.anchorAt(to, -1) }
  const more = { ...(open ? { session: open } : {}), ...(endpoint ? { endpoint } : {}) }
  const begun = await tell(now.call('quick.start', { kind, ...place, ...more }))
  if (!begun) return
  say(words.began[kind])
  await showTurn(begun.session, begun.turn)
}
