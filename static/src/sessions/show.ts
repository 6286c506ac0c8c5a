// Ways into the session panel from elsewhere: show a turn, or put something into the composer for the person to send.
import { type Signal, signal } from '@preact/signals'
import type { Id, Mention } from '../wire'
import { change, pane } from '../workspace/layout'
import { sessions } from './store'

export interface Offer {
  text: string
  mentions: Mention[]
}

/** The turn the transcript is to bring into view, until it has. */
export const sought: Signal<Id | null> = signal(null)
/** What the composer is to take in, until it has. */
export const offered: Signal<Offer | null> = signal(null)

function openPanel() {
  change({ talkOpen: true })
  pane.value = 'talk'
}

export async function showTurn(session: Id, turn: Id): Promise<void> {
  openPanel()
  sought.value = turn
  const all = sessions.peek()
  if (all && all.current.peek() !== session) await all.open(session)
}

/** Nothing is sent: the person reads it, adds to it, and sends it. */
export function offer(text: string, mentions: Mention[]): void {
  openPanel()
  offered.value = { text, mentions }
}
