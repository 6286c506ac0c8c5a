// What the browser knows of one session: a pure fold of its snapshot and the events after it.
// Law (tested): an old snapshot plus the events since equals a fresh snapshot.
import type {
  Compaction,
  Id,
  InLine,
  Item,
  Mention,
  Paused,
  QueueEntry,
  SessionEvent,
  SessionPage,
  SessionSnapshot,
  SessionSummary,
  Turn,
} from '../wire'

export interface SessionView {
  readonly session: SessionSummary
  readonly turns: readonly Turn[] // as they started
  readonly items: readonly Item[] // as they are read: turn by turn, in each by position
  readonly queue: readonly QueueEntry[]
  readonly paused: readonly Paused[]
  readonly waiting: InLine | null // the running turn's place in its model's line
  readonly pins: readonly Mention[]
  readonly compactions: readonly Compaction[]
  readonly more: boolean // there are older items that are not here
  readonly seq: number // of the newest event that is in here
  // Events that arrived ahead of a missing one, by seq. Not empty: ask `session.open {after: seq}`.
  readonly held: readonly SessionEvent[]
}

export function fromSnapshot(snapshot: SessionSnapshot): SessionView {
  return {
    session: snapshot.session,
    turns: snapshot.turns,
    items: snapshot.items,
    queue: snapshot.queue,
    paused: snapshot.paused,
    waiting: snapshot.waiting,
    pins: snapshot.pins,
    compactions: snapshot.compactions,
    more: snapshot.more,
    seq: snapshot.seq,
    held: [],
  }
}

/** A snapshot that may be older than what is known already, or newer. Events held back are put on top of it. */
export function meet(view: SessionView | null, snapshot: SessionSnapshot): SessionView {
  if (!view || view.session.id !== snapshot.session.id) return fromSnapshot(snapshot)
  return snapshot.seq < view.seq ? view : applyAll(fromSnapshot(snapshot), view.held)
}

/** The view with the page before its first item. What is known already stays as it is. */
export function withOlder(view: SessionView, page: SessionPage): SessionView {
  const turns = new Set(view.turns.map((turn) => turn.id))
  const items = new Set(view.items.map((item) => item.id))
  return {
    ...view,
    turns: [...page.turns.filter((turn) => !turns.has(turn.id)), ...view.turns],
    items: [...page.items.filter((item) => !items.has(item.id)), ...view.items],
    more: page.more,
  }
}

/** Whether an event is missing between what is applied and what is held. */
export function hasGap(view: SessionView): boolean {
  return view.held.length > 0
}

export function apply(view: SessionView, event: SessionEvent): SessionView {
  return applyAll(view, [event])
}

/** The view after these events, in any order, repeated or not. The cost is one copy of the lists, however many events
 * there are; the text of an item grows by concatenation, which engines keep as a rope until somebody reads it. */
export function applyAll(view: SessionView, events: readonly SessionEvent[]): SessionView {
  const waiting = new Map<number, SessionEvent>()
  for (const event of [...view.held, ...events]) {
    if (event.session === view.session.id && event.seq > view.seq) waiting.set(event.seq, event)
  }
  if (waiting.size === 0) return view.held.length === 0 ? view : { ...view, held: [] }
  const draft = new Draft(view)
  let seq = view.seq
  for (let next = waiting.get(seq + 1); next; next = waiting.get(seq + 1)) {
    draft.take(next)
    waiting.delete(next.seq)
    seq = next.seq
  }
  const held = [...waiting.values()].sort((a, b) => a.seq - b.seq)
  return { ...draft.lists(), more: view.more, seq, held }
}

/** The turn that runs in this session now, the newest if there are several. */
export function runningTurn(view: SessionView | null): Turn | null {
  return view?.turns.findLast((turn) => turn.state === 'running') ?? null
}

/** Mutable only while one batch is folded; the lists it was made from are left as they were. */
class Draft {
  private session: SessionSummary
  private queue: readonly QueueEntry[]
  private paused: readonly Paused[]
  private waiting: InLine | null
  private pins: readonly Mention[]
  private compactions: readonly Compaction[]
  private readonly turns: Turn[]
  private readonly items: Item[]
  private readonly places = new Map<Id, number>()
  private readonly more: boolean

  constructor(view: SessionView) {
    this.more = view.more
    this.session = view.session
    this.queue = view.queue
    this.paused = view.paused
    this.waiting = view.waiting
    this.pins = view.pins
    this.compactions = view.compactions
    this.turns = [...view.turns]
    this.items = [...view.items]
  }

  lists() {
    const { session, turns, items, queue, paused, waiting, pins, compactions } = this
    return { session, turns, items, queue, paused, waiting, pins, compactions }
  }

  take(event: SessionEvent): void {
    if (event.type === 'session.changed') this.session = event.summary
    else if (event.type === 'queue.changed') this.queue = event.queue
    else if (event.type === 'region.paused') this.pause(event)
    else if (event.type === 'pins.changed') this.pins = event.pins
    else if (event.type === 'compaction') this.compact(event.compaction)
    else if (event.type === 'turn.speed') this.speed(event)
    else if (event.type === 'turn.waiting') this.inLine(event)
    else if (event.type === 'item.delta') this.append(event.item, event.text)
    else if ('turn' in event) this.putTurn(event.turn)
    else this.putItem(event.item)
  }

  private inLine({ turn, place, why }: InLine): void {
    this.waiting = place > 0 ? { turn, place, why } : null
  }

  /** As they started; one that is older than everything here comes with its page. */
  private putTurn(turn: Turn): void {
    if (turn.state !== 'running') this.waiting = null
    const at = this.turns.findLastIndex((known) => known.id === turn.id)
    if (at >= 0) {
      this.turns[at] = turn
      return
    }
    const before = this.turns.findLastIndex((known) => known.started_at <= turn.started_at)
    if (before >= 0 || !this.more) this.turns.splice(before + 1, 0, turn)
  }

  private pause(event: SessionEvent & { type: 'region.paused' }): void {
    const { seq, session, type, ...paused } = event
    const others = this.paused.filter((one) => one.turn !== event.turn || one.document !== event.document)
    this.paused = event.state === 'typing' ? [...others, paused] : others
  }

  private compact(compaction: Compaction): void {
    const known = this.compactions.some((one) => one.id === compaction.id)
    this.compactions = known
      ? this.compactions.map((one) => (one.id === compaction.id ? compaction : one))
      : [...this.compactions, compaction]
  }

  private speed(event: SessionEvent & { type: 'turn.speed' }): void {
    const at = this.turns.findIndex((known) => known.id === event.turn)
    const turn = this.turns[at]
    if (!turn) return
    const { ttft_ms, tokens: output_tokens, tokens_per_s } = event
    this.turns[at] = { ...turn, ttft_ms, output_tokens, tokens_per_s }
  }

  private putItem(item: Item): void {
    const at = this.place(item.id)
    if (at >= 0 && this.items[at]?.position === item.position) {
      this.items[at] = item
      return
    }
    if (at >= 0) this.items.splice(at, 1) // it was said before it was taken, and stands where it was taken
    this.insert(item)
    this.places.clear()
  }

  /** Before what its own turn put behind it, and before later turns. What is older than everything here comes with its
   * page. */
  private insert(item: Item): void {
    const rank = this.rank(item.turn)
    if (rank < 0 && this.more) return
    let at = this.items.length
    const behind = (other: Item) =>
      other.turn === item.turn ? other.position > item.position : rank >= 0 && this.rank(other.turn) > rank
    for (let last = this.items[at - 1]; last && behind(last); last = this.items[at - 1]) at--
    if (at > 0 || !this.more) this.items.splice(at, 0, item)
  }

  private rank(turn: Id): number {
    return this.turns.findLastIndex((known) => known.id === turn)
  }

  private append(id: Id, text: string): void {
    const at = this.place(id)
    const item = this.items[at]
    if (item?.kind === 'model') this.items[at] = { ...item, data: { text: item.data.text + text } }
    if (item?.kind === 'tool') this.items[at] = { ...item, data: { ...item.data, output: item.data.output + text } }
  }

  /** Where the item is, or -1. Searched from the end: what changes is nearly always the newest. */
  private place(id: Id): number {
    const known = this.places.get(id)
    if (known !== undefined) return known
    const at = this.items.findLastIndex((item) => item.id === id)
    if (at >= 0) this.places.set(id, at)
    return at
  }
}
