// Who wrote which line, from the items of the Yjs text: each character is its client id's owner's, ranges excepted.
// Pure, and the server is not asked: one walk over the items.
import * as Y from 'yjs'
import type { Authors, Time } from '../wire'

/** Owners of client ids and, for each client, its exceptional ranges by rising clock. */
export interface Book {
  clients: ReadonlyMap<number, string>
  ranges: ReadonlyMap<number, readonly Range[]>
  since: ReadonlyMap<number, Time> // when an id began to write, where that is known
}
interface Range {
  clock: number
  length: number
  origin: string
}
/** `origin` wrote most of the line since the file came here; `others` wrote the rest, most first. */
export interface LineAuthor {
  origin: string
  others: string[]
  at?: Time // the latest begin of an id of theirs on the line
}
type News = Pick<Authors, 'clients' | 'ranges'> & Partial<Pick<Authors, 'since'>>

export const NO_BOOK: Book = { clients: new Map(), ranges: new Map(), since: new Map() }

/** The book after more was told: an answer of GET authors, or an event. */
export function written(book: Book, news: News): Book {
  const clients = new Map(book.clients)
  const since = new Map(book.since)
  for (const [client, at] of Object.entries(news.since ?? {})) since.set(Number(client), at)
  for (const [client, origin] of news.clients) clients.set(client, origin)
  const ranges = new Map(book.ranges)
  for (const [client, clock, length, origin] of news.ranges) {
    const kept = (ranges.get(client) ?? []).filter(
      (one) => one.clock + one.length <= clock || one.clock >= clock + length,
    )
    ranges.set(
      client,
      [...kept, { clock, length, origin }].sort((a, b) => a.clock - b.clock),
    )
  }
  return { clients, ranges, since }
}

type Own = { client: number; origin: string }
/** Places in the text. */
export type Span = { from: number; to: number }
const ALL: Span = { from: 0, to: Number.POSITIVE_INFINITY }
type Take = (text: string, origin: string, at?: Time) => void

/** Calls `take` for each stretch of text of one origin, in order, between two places. Returns the ids nobody knows. */
export function stretches(text: Y.Text, book: Book, own: Own, take: Take, span: Span = ALL): Set<number> {
  const unknown = new Set<number>()
  let at = 0
  for (let item = text._start; item && at < span.to; item = item.right) {
    if (item.deleted || !(item.content instanceof Y.ContentString)) continue
    const begin = at
    at += item.length
    if (at <= span.from) continue
    const { client, clock } = item.id
    const known = client === own.client ? own.origin : book.clients.get(client)
    if (known === undefined) unknown.add(client)
    const since = book.since.get(client)
    const [from, to] = [Math.max(0, span.from - begin), Math.min(item.length, span.to - begin)]
    const part = to - from < item.length ? item.content.str.slice(from, to) : item.content.str
    cut(part, clock + from, book.ranges.get(client), (piece) => take(piece, known ?? '', since), take)
  }
  return unknown
}

/** The parts of one item: those of its owner, and those of the ranges in it, whose time is not known. */
function cut(str: string, start: number, ranges: readonly Range[] = [], own: (part: string) => void, take: Take) {
  let at = 0
  for (const { clock, length, origin } of ranges) {
    const from = Math.max(clock - start, at)
    const to = Math.min(clock + length - start, str.length)
    if (to <= from) continue
    if (from > at) own(str.slice(at, from))
    take(str.slice(from, to), origin)
    at = to
  }
  if (at < str.length) own(at ? str.slice(at) : str)
}

/** The authors of every line of the text, or of those from the beginning of one to within another, and the client ids
 * nobody knows there. Before `from` the items are only counted. */
export function lineAuthors(text: Y.Text, book: Book, own: Own, span: Span = ALL) {
  const lines: LineAuthor[] = []
  let weights = new Map<string, number>()
  let times = new Map<string, Time>()
  const end = () => {
    const [first, ...rest] = [...weights].sort((a, b) => weigh(b) - weigh(a))
    // Who only ended the line or indented it has not written on it.
    const others = rest.filter(([, weight]) => weight >= 1).map(([origin]) => origin)
    const at = times.get(first?.[0] ?? '')
    lines.push({ origin: first?.[0] ?? '', others, ...(at && { at }) })
    weights = new Map()
    times = new Map()
  }
  const count = (str: string, origin: string, since?: Time) => {
    let from = 0
    for (let at = str.indexOf('\n'); ; at = str.indexOf('\n', from)) {
      const to = at < 0 ? str.length : at
      const weight = inked(str, from, to) + (to > from || at >= 0 ? 0.001 : 0)
      if (weight) weights.set(origin, (weights.get(origin) ?? 0) + weight)
      if (weight >= 1 && since && since > (times.get(origin) ?? '')) times.set(origin, since)
      if (at < 0) return
      end()
      from = at + 1
    }
  }
  const unknown = stretches(text, book, own, count, span)
  end()
  return { lines, unknown }
}

/** Whoever has written on a line since comes before what the file had at first. */
const weigh = ([origin, weight]: [string, number]) => (origin === 'seed' && weight >= 1 ? 0.5 : weight)

/** How many characters of a stretch are more than blank. */
function inked(str: string, from: number, to: number): number {
  let n = 0
  for (let at = from; at < to; at++) if (str.charCodeAt(at) > 32) n++
  return n
}
