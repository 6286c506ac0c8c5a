// What people do to sessions and turns: each one op, its failure shown as a toast (what, and what to do).
import { signal } from '@preact/signals'
import { toast } from '../ui/toast'
import { words as queued } from '../ui/words/queue'
import { words } from '../ui/words/sessions'
import type { Id, Mention, Paused, Turn } from '../wire'
import type { Live } from '../workspace/live'
import { mayTurn } from './mode'
import { say } from './say'
import { runningTurn } from './state'
import { problemOf, type Sessions } from './store'

/** Turns a stop is under way for: their buttons wait, and a second Esc is not a second op. */
export const stopping = signal<ReadonlySet<Id>>(new Set())

/** Turns that are asked for and have no id yet. Esc stops those too: as soon as they have one. */
const sending = new Set<{ stop: boolean }>()

/** Run an act; on failure tell the person and answer null. */
export async function tell<T>(act: Promise<T>): Promise<T | null> {
  try {
    return await act
  } catch (error) {
    const problem = problemOf(error)
    toast(problem.do ? `${problem.message} ${problem.do}` : problem.message, 'bad')
    return null
  }
}

export interface Ask {
  text: string
  mentions: Mention[]
  pictures?: Id[]
  endpoint?: number
}

/** Start a turn in the session on screen, or in a new one if there is none. */
export async function ask(
  live: Live,
  sessions: Sessions,
  { text, mentions, pictures = [], endpoint }: Ask,
): Promise<boolean> {
  const start = async () => {
    const session = sessions.current.peek() ?? (await sessions.create())
    const more = { ...(pictures.length ? { pictures } : {}), ...(endpoint === undefined ? {} : { endpoint }) }
    return live.call('turn.start', { session, text, mentions, ...more })
  }
  const asked = { stop: false }
  sending.add(asked)
  const answer = await tell(start())
  sending.delete(asked)
  if (answer && asked.stop) void interrupt(live, answer.turn)
  return answer !== null
}

export async function steer(live: Live, turn: Id, text: string): Promise<boolean> {
  return (await tell(live.call('turn.steer', { turn, text }))) !== null
}

export async function redirect(live: Live, turn: Id, { text, mentions, pictures = [] }: Ask): Promise<boolean> {
  const more = { ...(mentions.length ? { mentions } : {}), ...(pictures.length ? { pictures } : {}) }
  return (await tell(live.call('turn.redirect', { turn, text, ...more }))) !== null
}

/** Have it said when the running turn has ended. */
export async function enqueue(live: Live, session: Id, { text, mentions, pictures = [], endpoint }: Ask) {
  const more = { ...(pictures.length ? { pictures } : {}), ...(endpoint === undefined ? {} : { endpoint }) }
  const done = (await tell(live.call('queue.add', { session, text, mentions, ...more }))) !== null
  if (done) say(queued.says.added)
  return done
}

export const editEntry = async (live: Live, entry: Id, text: string) =>
  (await tell(live.call('queue.edit', { entry, text }))) !== null

export const moveEntry = async (live: Live, entry: Id, before: Id | null) =>
  (await tell(live.call('queue.move', { entry, before }))) !== null

export const removeEntry = async (live: Live, entry: Id) => (await tell(live.call('queue.remove', { entry }))) !== null

/** Send it now. `turn`: the running one it is meant for. */
export const sendEntry = async (live: Live, entry: Id, as: 'steer' | 'redirect' | 'start', turn?: Id) =>
  (await tell(live.call('queue.send', { entry, as, ...(turn ? { turn } : {}) }))) !== null

export const resumeQueue = async (live: Live, session: Id) =>
  (await tell(live.call('queue.resume', { session }))) !== null

/** Tell the turn at once what was typed into it; or nothing of it. */
export const goOn = async (live: Live, { turn, document }: Paused) =>
  (await tell(live.call('pause.go', { turn, document }))) !== null

export const leaveIt = async (live: Live, { turn, document }: Paused) =>
  (await tell(live.call('pause.leave', { turn, document }))) !== null

/** Interrupt the turn. Whether it was this call that asked for it. */
export async function interrupt(live: Live, turn: Id): Promise<boolean> {
  if (stopping.peek().has(turn)) return false
  stopping.value = new Set(stopping.peek()).add(turn)
  const answer = await tell(live.call('turn.interrupt', { turn }))
  const left = new Set(stopping.peek())
  left.delete(turn)
  stopping.value = left
  if (answer) say(words.says.interrupted)
  return answer !== null
}

/** Esc, when nothing nearer to the person had a use for it: it stops the newest turn of theirs, one that is still being
 * sent too. In the session panel (`here`) it stops whoever's turn is shown there, as the button beside it does. People who
 * may not are told why. Whether Esc is used up. */
export function stopByKey(live: Live, sessions: Sessions | null, here: boolean): boolean {
  const shown = runningTurn(sessions?.view.peek() ?? null)
  const turn = mine(sessions, live.me.id) ?? (here ? shown : null)
  const role = live.role.peek()
  if (!mayTurn(role)) {
    if (turn ?? shown) toast(words.mayNotStop(role))
    return false
  }
  if (turn) void interrupt(live, turn.id)
  else for (const one of sending) one.stop = true
  return turn !== null || sending.size > 0
}

/** Whether there is anything Esc could stop, or say that one may not. */
export const stoppable = (sessions: Sessions | null) => sending.size + (sessions?.running.peek().size ?? 0) > 0

export function mine(sessions: Sessions | null, me: number): Turn | null {
  const turns = [...(sessions?.running.peek().values() ?? [])].filter((turn) => turn.owner?.id === me)
  return turns.sort((a, b) => a.started_at.localeCompare(b.started_at)).at(-1) ?? null
}
