// The transcript as it is read: items of a session put together into the rows people see. Pure.
import type { Id, Item, Turn } from '../wire'
import type { SessionView } from './state'

export type Of<K extends Item['kind']> = Extract<Item, { kind: K }>
export type Part = { kind: 'text'; item: Of<'model'> } | { kind: 'card'; items: (Of<'tool'> | Of<'edit'>)[] }
export type Row =
  | { kind: 'person'; key: string; item: Of<'person'>; turn: Turn | null; first: boolean }
  | { kind: 'model'; key: string; turn: Turn | null; parts: Part[]; live: boolean; headed: boolean }
  | { kind: 'back'; key: string; turn: Turn; undone: boolean }
  | {
      kind: 'note'
      key: string
      text: string
      tone: 'info' | 'warn' | 'bad'
      turn: Turn | null
      retry: Of<'person'> | null
    }

/** Everything said and done, in order. A turn that ended badly without a note gets one from its state; a turn that has
 * not said anything yet gets an empty live row. */
export function rowsOf(view: SessionView): Row[] {
  const turns = new Map(view.turns.map((turn) => [turn.id, turn]))
  const rows: Row[] = []
  const seen = new Set<Id>()
  for (const item of view.items) {
    add(rows, item, turns.get(item.turn) ?? null, !seen.has(item.turn))
    seen.add(item.turn)
  }
  for (const turn of view.turns) {
    finish(rows, turn, view)
    takeBack(rows, turn, view)
  }
  return rows
}

function add(rows: Row[], item: Item, turn: Turn | null, first: boolean): void {
  if (item.kind === 'person') rows.push({ kind: 'person', key: item.id, item, turn, first })
  else if (item.kind === 'note') rows.push(note(item.id, item.data.text, item.data.tone, turn))
  else place(modelRow(rows, item, turn), item)
}

/** The row of this turn that is still the last one, or a new one. */
function modelRow(rows: Row[], item: Item, turn: Turn | null): Row & { kind: 'model' } {
  const last = rows.at(-1)
  if (last?.kind === 'model' && last.turn?.id === turn?.id) return last
  const headed = !rows.some((row) => row.kind === 'model' && row.turn?.id === turn?.id)
  const row = { kind: 'model' as const, key: item.id, turn, parts: [], live: false, headed }
  rows.push(row)
  return row
}

function place(row: Row & { kind: 'model' }, item: Of<'model'> | Of<'tool'> | Of<'edit'>): void {
  if (item.kind === 'model') {
    row.parts.push({ kind: 'text', item })
    return
  }
  const last = row.parts.at(-1)
  if (last?.kind === 'card') last.items.push(item)
  else row.parts.push({ kind: 'card', items: [item] })
}

function finish(rows: Row[], turn: Turn, view: SessionView): void {
  const at = rows.findLastIndex((row) => row.turn?.id === turn.id)
  const last = rows[at]
  if (turn.state === 'running') {
    if (last?.kind === 'model') last.live = true
    else rows.splice(at < 0 ? rows.length : at + 1, 0, empty(turn, rows))
    return
  }
  const said = rows.findLast((row) => row.kind === 'note' && row.turn?.id === turn.id)
  if (turn.state === 'completed') return
  const retry = turn.kind === 'session' && turn.state === 'failed' ? asked(view, turn) : null
  if (said?.kind === 'note') {
    said.retry = retry
    return
  }
  const tone = turn.state === 'failed' ? 'bad' : 'info'
  const made = { ...note(`${turn.id}:end`, turn.error, tone, turn), retry }
  rows.splice(at < 0 ? rows.length : at + 1, 0, made)
}

/** A turn that wrote in files can be taken back, once it has ended. */
function takeBack(rows: Row[], turn: Turn, view: SessionView): void {
  const items = view.items.filter((item) => item.turn === turn.id)
  if (turn.state === 'running' || !items.some((item) => item.kind === 'edit')) return
  const last = items.findLast((item) => item.kind === 'note' && item.data.undo !== undefined)
  const undone = last?.kind === 'note' && last.data.undone === true
  const at = rows.findLastIndex((row) => row.turn?.id === turn.id)
  rows.splice(at + 1, 0, { kind: 'back', key: `${turn.id}:back`, turn, undone })
}

function empty(turn: Turn, rows: Row[]): Row {
  const headed = !rows.some((row) => row.kind === 'model' && row.turn?.id === turn.id)
  return { kind: 'model', key: `${turn.id}:live`, turn, parts: [], live: true, headed }
}

function note(key: string, text: string, tone: 'info' | 'warn' | 'bad', turn: Turn | null): Row & { kind: 'note' } {
  return { kind: 'note', key, text, tone, turn, retry: null }
}

/** What was asked first in this turn. */
function asked(view: SessionView, turn: Turn): Of<'person'> | null {
  const item = view.items.find((one) => one.turn === turn.id && one.kind === 'person')
  return item?.kind === 'person' ? item : null
}
