// The transcript as it is read: items of a session put together into sections, one a turn, of rows people see. Pure.
import type { Id, Item, Turn } from '../../wire'
import type { SessionView } from '../state'

export type Of<K extends Item['kind']> = Extract<Item, { kind: K }>
export type Part = { kind: 'text'; item: Of<'model'> } | { kind: 'card'; items: (Of<'tool'> | Of<'edit'>)[] }
export type Row =
  | { kind: 'person'; key: string; item: Of<'person'>; turn: Turn | null; first: boolean }
  // The model's rows of a turn: the first is `headed`, the `last` has its figures.
  | { kind: 'model'; key: string; turn: Turn | null; parts: Part[]; live: boolean; headed: boolean; last: boolean }
  | { kind: 'back'; key: string; turn: Turn; undone: boolean; restored: boolean }
  | NoteRow
export interface NoteRow {
  kind: 'note'
  key: string
  text: string
  tone: 'info' | 'warn' | 'bad'
  turn: Turn | null
  item: Of<'note'> | null // what the host wrote; null: made of the turn's state
  retry: Of<'person'> | null
  began?: boolean // the model had said something
}
export interface Section {
  readonly key: Id
  readonly turn: Turn | null
  readonly items: readonly Item[]
  readonly rows: readonly Row[]
}

/** Everything said and done, in order. */
export function rowsOf(view: SessionView): Row[] {
  return sectionsOf(view).flatMap((section) => section.rows)
}

/** The session turn by turn. Sections of `before` in which nothing has changed are the same objects again, so that only
 * what changed is drawn again. */
export function sectionsOf(view: SessionView, before: readonly Section[] = []): Section[] {
  const known = new Map(before.map((section) => [section.key, section]))
  const items = Map.groupBy(view.items, (item) => item.turn)
  const section = (key: Id, turn: Turn | null) => {
    const own = items.get(key) ?? []
    const old = known.get(key)
    if (old && old.turn === turn && same(old.items, own)) return old
    return { key, turn, items: own, rows: rowsOfTurn(turn, own) }
  }
  const named = new Set(view.turns.map((turn) => turn.id))
  const lost = [...items.keys()].filter((id) => !named.has(id)).map((id) => section(id, null))
  return [...lost, ...view.turns.map((turn) => section(turn.id, turn))].filter((one) => one.rows.length > 0)
}

function same(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at])
}

/** A turn that ended badly without a note gets one from its state; one that has not said anything yet gets an empty live
 * row; one that wrote in files gets the row that takes it back, once it has ended. */
function rowsOfTurn(turn: Turn | null, items: readonly Item[]): Row[] {
  const rows: Row[] = []
  for (const item of items) add(rows, item, turn, item === items[0])
  if (turn?.state === 'running') keepLive(rows, turn)
  else if (turn) {
    if (turn.state !== 'completed') sayEnd(rows, turn, items)
    takeBack(rows, turn, items)
  }
  const model = rows.findLast((row) => row.kind === 'model')
  if (model?.kind === 'model') model.last = true
  return rows
}

function add(rows: Row[], item: Item, turn: Turn | null, first: boolean): void {
  if (item.kind === 'person') rows.push({ kind: 'person', key: item.id, item, turn, first })
  else if (item.kind === 'note') rows.push(note(item.id, item.data.text, item.data.tone, turn, item))
  else place(modelRow(rows, item.id, turn), item)
}

/** The model's row that is still the last one, or a new one. */
function modelRow(rows: Row[], key: string, turn: Turn | null): Row & { kind: 'model' } {
  const last = rows.at(-1)
  if (last?.kind === 'model') return last
  const headed = !rows.some((row) => row.kind === 'model')
  const row = { kind: 'model' as const, key, turn, parts: [], live: false, headed, last: false }
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

function keepLive(rows: Row[], turn: Turn): void {
  modelRow(rows, `${turn.id}:live`, turn).live = true
}

function sayEnd(rows: Row[], turn: Turn, items: readonly Item[]): void {
  const asked = items.find((item) => item.kind === 'person')
  const said = rows.findLast((row) => row.kind === 'note')
  const again = turn.state === 'failed' || (said?.kind === 'note' && said.item?.data.limit !== undefined)
  const retry = turn.kind === 'session' && again && asked?.kind === 'person' ? asked : null
  if (said?.kind === 'note') {
    said.retry = retry
    said.began = rows.some((row) => row.kind === 'model')
  } else {
    const tone = turn.state === 'failed' ? 'bad' : 'info'
    rows.push({ ...note(`${turn.id}:end`, turn.error, tone, turn, null), retry })
  }
}

function takeBack(rows: Row[], turn: Turn, items: readonly Item[]): void {
  const wrote = (item: Item) =>
    item.kind === 'edit' || (item.kind === 'tool' && item.data.name === 'apply_patch' && item.data.ok !== false)
  if (!items.some((item) => wrote(item) && !('copied' in item.data))) return
  const last = items.findLast((item) => item.kind === 'note' && item.data.undo !== undefined)
  const undone = last?.kind === 'note' && last.data.undone === true
  const back = items.findLast((item) => item.kind === 'note' && item.data.restore !== undefined)
  const restored = back?.kind === 'note' && back.data.undone === false
  rows.push({ kind: 'back', key: `${turn.id}:back`, turn, undone, restored })
}

function note(key: string, text: string, tone: NoteRow['tone'], turn: Turn | null, item: NoteRow['item']): NoteRow {
  return { kind: 'note', key, text, tone, turn, item, retry: null }
}
