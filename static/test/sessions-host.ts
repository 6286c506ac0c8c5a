// A host in miniature for tests of sessions: it changes by acts, tells each change as an event with a number, and can
// be asked for a snapshot at any time. What it says is what agents/transcript.py says.
import type { Item, SessionEvent, SessionPage, SessionSnapshot, SessionSummary, Turn } from '../src/wire'

const blank = (id: string, turn: string, position: number) => ({
  id,
  turn,
  position,
  created_at: '2026-11-22T14:00:00Z',
  author: null,
})

type Bare<E> = E extends SessionEvent ? Omit<E, 'session' | 'seq'> : never

export const ana = { id: 1, name: 'Ana', colour: 1 }
export const ben = { id: 2, name: 'Ben', colour: 2 }

export function turnOf(id: string, more: Partial<Turn> = {}): Turn {
  return {
    id,
    session: 's',
    kind: 'session',
    state: 'running',
    owner: ana,
    endpoint: 'fast',
    builtin: false,
    error: '',
    ttft_ms: null,
    input_tokens: 0,
    output_tokens: 0,
    tokens_per_s: null,
    cost: null,
    times: {},
    started_at: '2026-11-22T14:00:00Z',
    ended_at: null,
    ...more,
  }
}

export function summaryOf(id: string, more: Partial<SessionSummary> = {}): SessionSummary {
  return {
    id,
    title: '',
    active_at: '2026-11-22T14:00:00Z',
    running: false,
    by: null,
    owner: ana,
    created_at: '2026-11-22T14:00:00Z',
    archived: false,
    forked_from: null,
    inline: false,
    turns: 0,
    ...more,
  }
}

export class Host {
  readonly events: SessionEvent[] = []
  private summary = summaryOf('s')
  private turns: Turn[] = []
  private items: Item[] = []
  private made = 0

  /** With the newest `most` items only. */
  snapshot(most = Number.POSITIVE_INFINITY): SessionSnapshot {
    return structuredClone({
      session: this.summary,
      ...this.page(this.ordered(), most),
      queue: [],
      pins: [],
      compactions: [],
      paused: [],
      waiting: null,
      seq: this.events.length,
    })
  }

  /** The page before that item. */
  older(before: string, most: number): SessionPage {
    const all = this.ordered()
    return structuredClone(
      this.page(
        all.slice(
          0,
          all.findIndex((item) => item.id === before),
        ),
        most,
      ),
    )
  }

  private ordered(): Item[] {
    return this.turns.flatMap((turn) => this.items.filter((item) => item.turn === turn.id))
  }

  private page(all: Item[], most: number): SessionPage {
    const items = all.slice(Math.max(0, all.length - most))
    const more = items.length < all.length
    const first = more ? this.turns.findIndex((turn) => turn.id === items[0]?.turn) : 0
    return { turns: this.turns.slice(first), items, more }
  }

  /** A note behind everything a turn has that ended before, as when it is taken back. */
  note(turn: Turn): void {
    const position = this.items.filter((one) => one.turn === turn.id).length
    const data = { text: 'Taken back.', tone: 'info' as const, undo: 'u', undone: true }
    const item: Item = { ...blank(`i${++this.made}`, turn.id, position), kind: 'note', data }
    this.items.push(item)
    this.emit({ type: 'item.completed', item })
  }

  get first(): Turn | undefined {
    return this.turns[0]
  }

  private emit(event: Bare<SessionEvent>): void {
    this.events.push(structuredClone({ session: 's', seq: this.events.length + 1, ...event }) as SessionEvent)
  }

  get running(): Turn | undefined {
    return this.turns.find((turn) => turn.state === 'running')
  }

  start(): void {
    if (this.running) return
    const turn = turnOf(`t${++this.made}`)
    this.turns.push(turn)
    this.summary = { ...this.summary, running: true, by: turn.owner }
    this.emit({ type: 'turn.started', turn })
    this.emit({ type: 'session.changed', summary: this.summary })
    this.item('person', { text: `ask ${this.made}` })
  }

  item(kind: Item['kind'], data: object): void {
    const turn = this.running
    if (!turn) return
    const position = this.items.filter((one) => one.turn === turn.id).length
    const id = `i${++this.made}`
    const item = { ...blank(id, turn.id, position), kind, data } as Item
    this.items.push(item)
    this.emit({ type: 'item.started', item })
  }

  grow(text: string): void {
    const item = this.items.findLast((one) => one.kind === 'model' || one.kind === 'tool')
    if (!item || item.turn !== this.running?.id) return
    if (item.kind === 'model') item.data.text += text
    if (item.kind === 'tool') item.data.output += text
    this.emit({ type: 'item.delta', item: item.id, text })
  }

  complete(): void {
    const item = this.items.at(-1)
    if (!item) return
    if (item.kind === 'tool') item.data = { ...item.data, ok: true, seconds: 0.1 }
    this.emit({ type: 'item.completed', item })
  }

  speed(tokens: number): void {
    const turn = this.running
    if (!turn) return
    Object.assign(turn, { ttft_ms: 90, output_tokens: tokens, tokens_per_s: 1240 })
    this.emit({ type: 'turn.speed', turn: turn.id, ttft_ms: 90, tokens, tokens_per_s: 1240 })
  }

  end(state: Turn['state']): void {
    const turn = this.running
    if (!turn) return
    Object.assign(turn, { state, ended_at: '2026-11-22T14:01:00Z', error: state === 'failed' ? 'It broke.' : '' })
    this.emit({ type: 'turn.ended', turn })
    this.summary = { ...this.summary, running: false, by: null }
    this.emit({ type: 'session.changed', summary: this.summary })
  }
}
