// The sessions of the open workspace as signals: the list, the one on screen, and every turn that runs.
// Events are folded in at most twenty times a second, the first at once; a missing one is asked for.
import { batch, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Event, Id, Ops, Person, Problem, SessionEvent, SessionPage, SessionSummary, Turn } from '../wire'
import { live } from '../workspace/live'
import type { Felt } from './figures'
import { paced } from './pace'
import { Painted } from './painted'
import { applyAll, hasGap, meet, runningTurn, type SessionView, withOlder } from './state'
import { moveDraft, recall, remember } from './storage'

/** What the sessions need of the open workspace. */
export interface Wire {
  id: Id
  me: Person
  snapshot: ReadonlySignal<Ops['workspace.open'][1] | null>
  roundTrip?: ReadonlySignal<number | null>
  call<M extends keyof Ops>(method: M, params: Ops[M][0]): Promise<Ops[M][1]>
  on(fn: (event: Event) => void): () => void
}

export type Turns = ReadonlyMap<Id, Turn>

const SOME = 40 // items that are drawn in a frame or two
const RETRY = 1000 // ms between questions for the same missing events

export class Sessions {
  readonly list = signal<readonly SessionSummary[]>([])
  readonly current = signal<Id | null>(null)
  readonly view = signal<SessionView | null>(null)
  /** Turns running now in any session, as far as this tab has heard of them. */
  readonly running = signal<Turns>(new Map())
  readonly last = signal<Turn | null>(null) // the turn heard of last, running or ended
  readonly problem = signal<Problem | null>(null)
  readonly loadingOlder = signal(false)
  private readonly painted = new Painted()
  private readonly wires = new Map<Id, number>() // the round trip as turns ended that were seen to end
  readonly picked: Signal<number | null> // the endpoint this person chose here; null: the default
  private birth: Promise<SessionSummary> | null = null // the one that is asked for and not there yet
  private born: Id | null = null // the last one that came while it was awaited on screen
  private seat = 0 // counts the new ones that were begun
  private early: SessionEvent[] = []
  private asking = false
  private again: ReturnType<typeof setTimeout> | undefined
  private readonly stops: (() => void)[] = []
  private readonly flush: { soon: () => void; stop: () => void }

  constructor(
    readonly wire: Wire,
    pace: typeof paced = paced,
  ) {
    this.picked = signal(Number(recall(`endpoint.${wire.id}`)) || null)
    this.flush = pace(() => this.fold())
    this.stops.push(wire.on((event) => this.receive(event)))
    this.stops.push(
      effect(() => {
        const snapshot = wire.snapshot.value
        if (snapshot) this.reconnected(snapshot.sessions)
      }),
    )
  }

  dispose(): void {
    for (const stop of this.stops) stop()
    this.flush.stop()
    clearTimeout(this.again)
  }

  /** Show a session. Resolves when it is there or has failed (`problem`). */
  async open(id: Id): Promise<void> {
    if (this.current.peek() !== id) {
      this.view.value = null
      this.early = []
    }
    this.current.value = id
    this.problem.value = null
    remember(`session.${this.wire.id}`, id)
    this.asking = false
    await this.ask()
  }

  /** A new session. The one on screen makes room at once: what is typed from now on is the new one's. It is shown when
   * it comes, unless somebody looks at another by then. Throws what the host says; the one before is shown again. */
  async create(): Promise<Id> {
    const before = this.current.peek()
    if (before) this.leave()
    this.birth ??= this.bear()
    let session: SessionSummary
    try {
      session = await this.birth
    } catch (error) {
      if (before && !this.current.peek()) void this.open(before)
      throw error
    }
    if (!this.current.peek()) {
      this.born = session.id
      await this.open(session.id)
    } else if (this.current.peek() !== session.id) moveDraft(this.wire.id, null, session.id)
    return session.id
  }

  /** Which composer a session has: a new one keeps the one it was awaited in. */
  composerOf(session: Id | null): string {
    return session === null || session === this.born ? `new ${this.seat}` : session
  }

  private leave(): void {
    this.seat += 1
    this.born = null
    this.early = []
    batch(() => {
      this.view.value = null
      this.problem.value = null
      this.current.value = null
    })
  }

  private async bear(): Promise<SessionSummary> {
    try {
      const { session } = await this.wire.call('session.create', {})
      this.told(session)
      return session
    } finally {
      this.birth = null
    }
  }

  /** Show what is before the first item there is: as much as a frame can take. Whether there was any. */
  async older(): Promise<boolean> {
    return this.before({ most: SOME })
  }

  /** Have the turn in the view, if the session has it. All that is between is drawn once, when it is there. */
  async reach(turn: Id): Promise<void> {
    if (!this.view.peek()?.items.some((item) => item.turn === turn)) await this.before({ most: SOME, to: turn })
  }

  /** A page before the first item there is. */
  private async before(which: { most: number; to?: Id }): Promise<boolean> {
    const view = this.view.peek()
    const before = view?.items[0]?.id
    if (!view?.more || !before || this.loadingOlder.peek()) return false
    let page: SessionPage
    this.loadingOlder.value = true
    try {
      page = await this.wire.call('session.older', { session: view.session.id, before, ...which })
    } catch (error) {
      this.problem.value = problemOf(error)
      return false
    } finally {
      this.loadingOlder.value = false
    }
    const now = this.view.peek()
    if (now?.items[0]?.id !== before) return false
    this.view.value = withOlder(now, page)
    return true
  }

  /** What this tab measured of a turn; nothing of one it has not seen run. */
  felt(turn: Id): Felt {
    const paint = this.painted.mean(turn)
    const wire = this.wires.get(turn) ?? (this.running.peek().has(turn) ? this.wire.roundTrip?.peek() : null)
    return { ...(paint === null ? {} : { paint }), ...(wire == null ? {} : { wire }) }
  }

  /** What an act has answered, at once: its event may come later. */
  told(summary: SessionSummary): void {
    this.list.value = listWith(this.list.peek(), summary)
  }

  pick(endpoint: number): void {
    remember(`endpoint.${this.wire.id}`, String(endpoint))
    this.picked.value = endpoint
  }

  private reconnected(sessions: readonly SessionSummary[]): void {
    this.list.value = [...sessions].sort(byActivity)
    const idle = new Set(sessions.filter((one) => !one.running).map((one) => one.id))
    this.running.value = new Map([...this.running.peek()].filter(([, turn]) => !idle.has(turn.session)))
    if (this.birth && !this.current.peek()) return
    const wanted = this.current.peek() ?? recall(`session.${this.wire.id}`)
    const first = this.list.peek().find((one) => !one.inline)?.id // a question is for another than those
    if (wanted) void this.open(wanted).then(() => this.instead(wanted, first))
    else if (first) void this.open(first)
  }

  /** The one remembered may be gone: then the latest. */
  private instead(wanted: Id, first: Id | undefined): void {
    if (this.current.peek() !== wanted || this.problem.peek()?.code !== 'not_found') return
    this.current.value = null
    this.problem.value = null
    if (first && first !== wanted) void this.open(first)
  }

  private receive(event: Event): void {
    if (!('seq' in event && 'session' in event)) return
    if (event.type === 'session.changed') this.list.value = listWith(this.list.peek(), event.summary)
    if (event.type === 'turn.started' || event.type === 'turn.ended' || event.type === 'turn.speed') this.track(event)
    if (event.session !== this.current.peek()) return
    if (event.type === 'item.delta') this.painted.arrived()
    this.early.push(event)
    this.flush.soon()
  }

  private track(event: SessionEvent & { type: 'turn.started' | 'turn.ended' | 'turn.speed' }): void {
    const after = runningAfter(this.running.peek(), event)
    const wire = this.wire.roundTrip?.peek()
    if (event.type === 'turn.ended' && wire != null) this.wires.set(event.turn.id, wire)
    this.running.value = after
    this.last.value = event.type === 'turn.speed' ? (after.get(event.turn) ?? this.last.peek()) : event.turn
  }

  /** Fold what has arrived into the view; without a view it waits for the snapshot. */
  private fold(): void {
    const view = this.view.peek()
    if (!view) return
    const next = applyAll(view, this.early)
    this.early = []
    this.view.value = next
    this.painted.drawn(runningTurn(next)?.id ?? null)
    if (hasGap(next)) void this.ask()
  }

  /** Ask for what is missing: the whole session, or what came after the newest event known. */
  private async ask(): Promise<void> {
    const id = this.current.peek()
    if (!id || this.asking) return
    this.asking = true
    const known = this.view.peek()
    try {
      const answer = await this.wire.call('session.open', known ? { session: id, after: known.seq } : { session: id })
      if (this.current.peek() === id) this.answered(answer)
    } catch (error) {
      if (this.current.peek() === id && !this.view.peek()) this.problem.value = problemOf(error)
    } finally {
      if (this.current.peek() === id) this.asking = false
    }
    const view = this.view.peek()
    if (view && hasGap(view)) this.askLater()
  }

  private answered({ snapshot, events }: Ops['session.open'][1]): void {
    let view = this.view.peek()
    if (snapshot) view = meet(view, snapshot)
    if (!view) return
    this.view.value = applyAll(view, [...(events ?? []), ...this.early])
    this.early = []
    const found = this.view.peek()?.turns.filter((turn) => turn.state === 'running') ?? []
    if (found.length)
      this.running.value = new Map([...this.running.peek(), ...found.map((turn) => [turn.id, turn] as const)])
  }

  private askLater(): void {
    clearTimeout(this.again)
    this.again = setTimeout(() => void this.ask(), RETRY)
  }
}

/** The running turns after the event. */
export function runningAfter(turns: Turns, event: SessionEvent): Turns {
  if (event.type === 'turn.started') return new Map(turns).set(event.turn.id, event.turn)
  if (event.type === 'turn.speed') {
    const turn = turns.get(event.turn)
    if (!turn) return turns
    const { ttft_ms, tokens: output_tokens, tokens_per_s } = event
    return new Map(turns).set(turn.id, { ...turn, ttft_ms, output_tokens, tokens_per_s })
  }
  if (event.type !== 'turn.ended' || !turns.has(event.turn.id)) return turns
  const left = new Map(turns)
  left.delete(event.turn.id)
  return left
}

/** The list with this summary in its place, the latest active first. */
export function listWith(list: readonly SessionSummary[], summary: SessionSummary): SessionSummary[] {
  return [...list.filter((one) => one.id !== summary.id), summary].sort(byActivity)
}

function byActivity(a: SessionSummary, b: SessionSummary): number {
  return b.active_at.localeCompare(a.active_at) || a.id.localeCompare(b.id)
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Error && 'problem' in error) return error.problem as Problem
  return { code: 'unknown', message: error instanceof Error ? error.message : String(error), do: 'Try again.' }
}

/** The sessions of the workspace that is open, or null. */
export const sessions: Signal<Sessions | null> = signal(null)

effect(() => {
  const now = live.value
  if (!now) return
  const made = new Sessions(now)
  sessions.value = made
  return () => {
    made.dispose()
    sessions.value = null
  }
})
