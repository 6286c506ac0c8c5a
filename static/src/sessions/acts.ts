// What people do to sessions and turns: each one op, its failure shown as a toast (what, and what to do).
import { signal } from '@preact/signals'
import { toast } from '../ui/toast'
import { words as queued } from '../ui/words/queue'
import { words } from '../ui/words/sessions'
import type { Id, Mention, Paused, Turn } from '../wire'
import type { Live } from '../workspace/live'
import { say } from './say'
import { problemOf, type Sessions } from './store'

/** Turns a stop is under way for: their buttons wait, and a second Esc is not a second op. */
export const stopping = signal<ReadonlySet<Id>>(new Set())

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
  return (await tell(start())) !== null
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

/** The turn Esc interrupts: the newest this person started that still runs. */
export function mine(sessions: Sessions | null, me: number): Turn | null {
  const turns = [...(sessions?.running.peek().values() ?? [])].filter((turn) => turn.owner?.id === me)
  return turns.sort((a, b) => a.started_at.localeCompare(b.started_at)).at(-1) ?? null
}
