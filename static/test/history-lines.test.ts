import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { type Book, lineAuthors, NO_BOOK, written } from '../src/history/lines'

const ANA = 'person:1'
const BEN = 'person:2'
const MODEL = 'turn:t'
const own = { client: 11, origin: ANA }
const book: Book = written(NO_BOOK, {
  clients: [
    [22, BEN],
    [33, MODEL],
  ],
  ranges: [],
})

/** One text that several clients write in turn. */
function shared() {
  const docs = new Map<number, Y.Doc>()
  const doc = (client: number) => {
    const found = docs.get(client) ?? new Y.Doc()
    found.clientID = client
    docs.set(client, found)
    return found
  }
  const write = (client: number, at: number, text: string, cut = 0) => {
    const mine = doc(client)
    for (const other of docs.values()) Y.applyUpdate(mine, Y.encodeStateAsUpdate(other))
    mine.getText('text').delete(at, cut)
    mine.getText('text').insert(at, text)
    for (const other of docs.values()) Y.applyUpdate(other, Y.encodeStateAsUpdate(mine))
    return mine.getText('text')
  }
  return write
}

const origins = (text: Y.Text, by: Book = book) => lineAuthors(text, by, own).lines.map((one) => one.origin)

describe('who wrote each line', () => {
  it('is who wrote most of it, and the others are named', () => {
    const write = shared()
    write(22, 0, 'one 🧺\ntwo\nthree')
    const text = write(33, 0, 'a longer beginning of ')
    const { lines } = lineAuthors(text, book, own)
    expect(lines.map((one) => one.origin)).toEqual([MODEL, BEN, BEN])
    expect(lines[0]?.others).toEqual([BEN])
  })

  it('is the same for some lines as for all', () => {
    const write = shared()
    write(22, 0, 'one 🧺\n\ntwo\nthree\n')
    write(33, 5, ' and the model\nwent on')
    write(11, 2, 'I\nam')
    const text = write(22, 1, 'x', 3)
    const all = lineAuthors(text, book, own).lines
    const lines = text.toString().split('\n')
    const from = (n: number) => lines.slice(0, n).reduce((sum, line) => sum + line.length + 1, 0)
    for (let first = 0; first < lines.length; first++)
      for (let last = first; last < lines.length; last++) {
        const span = { from: from(first), to: from(last) + lines[last]!.length + 1 }
        const found = lineAuthors(text, book, own, span).lines.slice(0, last - first + 1)
        expect(found).toEqual(all.slice(first, last + 1))
      }
  })

  it('is oneself at once, without asking anybody', () => {
    const write = shared()
    write(22, 0, 'one\n')
    const { lines, unknown } = lineAuthors(write(11, 4, 'mine\n'), book, own)
    expect(lines.map((one) => one.origin)).toEqual([BEN, ANA, ''])
    expect([...unknown]).toEqual([])
  })

  it('is nobody for an id that nobody knows yet, and tells which', () => {
    const write = shared()
    const { lines, unknown } = lineAuthors(write(99, 0, 'who?'), book, own)
    expect(lines.map((one) => one.origin)).toEqual([''])
    expect([...unknown]).toEqual([99])
  })

  it('survives edits around it and forgets what was deleted', () => {
    const write = shared()
    write(22, 0, 'one\ntwo\n')
    write(33, 4, 'new\n')
    expect(origins(write(11, 0, '', 4))).toEqual([MODEL, BEN, ''])
  })

  it('honours ranges: moved text is still its first writer’s', () => {
    const write = shared()
    const text = write(22, 0, 'moved\nown\n')
    const moved = written(book, { clients: [], ranges: [[22, 0, 6, MODEL]] })
    expect(origins(text, moved)).toEqual([MODEL, BEN, ''])
  })

  it('cuts an item where a range ends in the middle of it', () => {
    const write = shared()
    const text = write(22, 0, 'abcdef')
    const part = written(book, {
      clients: [],
      ranges: [
        [22, 4, 2, ANA],
        [22, 0, 1, MODEL],
      ],
    })
    expect(lineAuthors(text, part, own).lines).toEqual([{ origin: BEN, others: [ANA, MODEL] }])
  })

  it('is who wrote on it since, rather than what was there before', () => {
    const write = shared()
    write(44, 0, 'a long line of the file\nanother')
    const known = written(book, { clients: [[44, 'seed']], ranges: [] })
    const { lines } = lineAuthors(write(22, 6, 'er'), known, own)
    expect(lines).toEqual([
      { origin: BEN, others: ['seed'] },
      { origin: 'seed', others: [] },
    ])
  })

  it('tells when its writer began, by the latest of their ids on the line; not of moved text', () => {
    const write = shared()
    write(22, 0, 'early\nmoved\n')
    const text = write(23, 5, ' late')
    const known = written(book, {
      ...{ clients: [[23, BEN]], ranges: [[22, 6, 5, ANA]] },
      since: { 22: '2026-11-22T08:00:00Z', 23: '2026-11-22T09:00:00Z' },
    })
    expect(lineAuthors(text, known, own).lines.map((one) => one.at)).toEqual([
      '2026-11-22T09:00:00Z',
      undefined,
      undefined,
    ])
  })

  it('does not count who only broke the line or indented it', () => {
    const write = shared()
    write(22, 0, 'if x:\nrun()')
    const { lines } = lineAuthors(write(33, 6, '    '), book, own)
    expect(lines[1]).toEqual({ origin: BEN, others: [] })
  })

  it('has as many lines as the text', () => {
    const write = shared()
    const text = write(22, 0, '\n\nx\n')
    expect(lineAuthors(text, book, own).lines).toHaveLength(text.toString().split('\n').length)
    expect(lineAuthors(new Y.Doc().getText('text'), book, own).lines).toEqual([{ origin: '', others: [] }])
  })
})

describe('the book of authors', () => {
  it('takes a later word on a range over an earlier one', () => {
    const first = written(NO_BOOK, { clients: [], ranges: [[1, 0, 4, ANA]] })
    const next = written(first, {
      clients: [],
      ranges: [
        [1, 8, 2, MODEL],
        [1, 0, 4, BEN],
      ],
    })
    expect(next.ranges.get(1)).toEqual([
      { clock: 0, length: 4, origin: BEN },
      { clock: 8, length: 2, origin: MODEL },
    ])
  })
})
