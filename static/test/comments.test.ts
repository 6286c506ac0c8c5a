import { EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import { spotsOf } from '../src/comments/draw'
import { filtered, threadsAfter, waitsFor } from '../src/comments/state'
import { mentionAt, partsOf } from '../src/comments/text'
import type { Comment, Thread } from '../src/wire'

const ANA = { id: 1, name: 'Ana', colour: 0 }
const BEN = { id: 2, name: 'Ben', colour: 1 }
let last = 0
const said = (author: typeof ANA, ...mentions: number[]): Comment => ({
  ...{ id: `c${++last}`, author, text: 'x', created_at: '2026-11-22T12:00:00Z', edited_at: null, mentions },
})
const thread = (id: string, comments: Comment[], part: Partial<Thread> = {}): Thread => ({
  ...{ id, document: 'd', path: 'a.py', start: '3', end: '7', quote: 'zebra', resolved: null, resolved_at: null },
  ...{ created_at: '2026-11-22T12:00:00Z', comments, ...part },
})

describe('a comment’s text', () => {
  it('is text, links and mentions, and never markup', () => {
    const text = 'See <b>https://a.b/c?d=1</b>, @Ana Lee. javascript:alert(1)'
    expect(partsOf(text, ['Ana', 'Ana Lee'])).toEqual([
      { kind: 'text', text: 'See <b>' },
      { kind: 'link', text: 'https://a.b/c?d=1', href: 'https://a.b/c?d=1' },
      { kind: 'text', text: '</b>, ' },
      { kind: 'mention', text: '@Ana Lee' },
      { kind: 'text', text: '. javascript:alert(1)' },
    ])
  })

  it('leaves the sentence’s punctuation out of a link', () => {
    expect(partsOf('(https://a.b/c).', [])[1]).toEqual({ kind: 'link', text: 'https://a.b/c', href: 'https://a.b/c' })
  })

  it('mentions nobody in the middle of a word', () => {
    expect(partsOf('a@Ana @Anabel', ['Ana'])).toEqual([{ kind: 'text', text: 'a@Ana @Anabel' }])
  })

  it('loses nothing of what was written', () => {
    const text = '@Ben https://x.y/ und 🧺 @Ben, http://[bad'
    const shown = partsOf(text, ['Ben'])
    expect(shown.map((part) => part.text).join('')).toBe(text)
  })

  it('offers names for the word behind an @', () => {
    expect(mentionAt('hello @be', 9)).toEqual({ from: 6, word: 'be' })
    expect(mentionAt('mail a@be', 9)).toBeNull()
    expect(mentionAt('@be and more', 3)).toEqual({ from: 0, word: 'be' })
  })
})

describe('whose turn it is to answer', () => {
  it('is theirs who are mentioned, until they answer or it is resolved', () => {
    expect(waitsFor(thread('t', [said(ANA, 2)]), 2)).toBe(true)
    expect(waitsFor(thread('t', [said(ANA, 2), said(BEN)]), 2)).toBe(false)
    expect(waitsFor(thread('t', [said(ANA, 2), said(BEN), said(ANA, 2)]), 2)).toBe(true)
    expect(waitsFor(thread('t', [said(ANA, 2)], { resolved_at: '2026-11-22T13:00:00Z' }), 2)).toBe(false)
    expect(waitsFor(thread('t', [said(ANA, 1)]), 1)).toBe(false) // by themselves
  })

  it('chooses what a filter shows', () => {
    const all = [
      thread('open', [said(ANA)]),
      thread('mine', [said(ANA, 2)]),
      thread('done', [said(ANA, 2)], { resolved_at: '2026-11-22T13:00:00Z' }),
    ]
    const map = new Map(all.map((one) => [one.id, one]))
    expect(filtered(map, 'open', 2).map((one) => one.id)).toEqual(['open', 'mine'])
    expect(filtered(map, 'resolved', 2).map((one) => one.id)).toEqual(['done'])
    expect(filtered(map, 'mine', 2).map((one) => one.id)).toEqual(['mine'])
  })
})

describe('threads and events', () => {
  const map = new Map([['t', thread('t', [said(ANA)])]])

  it('are the threads told last', () => {
    const more = thread('t', [said(ANA), said(BEN)])
    expect(threadsAfter(map, { type: 'thread', document: 'd', thread: more }).get('t')?.comments).toHaveLength(2)
    expect(threadsAfter(map, { type: 'thread.gone', document: 'd', id: 't' }).size).toBe(0)
    expect(threadsAfter(map, { type: 'document.moved', document: 'd', path: 'b.py' }).get('t')?.path).toBe('b.py')
  })

  it('are the same where the event says nothing about them', () => {
    expect(threadsAfter(map, { type: 'thread.gone', document: 'd', id: 'other' })).toBe(map)
    expect(threadsAfter(map, { type: 'document.moved', document: 'other', path: 'b.py' })).toBe(map)
  })
})

describe('where threads stand in a text', () => {
  const state = EditorState.create({ doc: 'one horse, one goat' })
  const doc = { id: 'd', state, posOf: (anchor: string) => (anchor === '?' ? null : Number(anchor)) }

  it('is between their anchors; resolved ones only while they are looked at', () => {
    const done = thread('done', [said(BEN)], { resolved_at: '2026-11-22T13:00:00Z' })
    const all = [thread('t', [said(ANA)]), done, thread('x', [said(ANA)], { document: 'other' })]
    expect(spotsOf(doc, all, null).spots.map((one) => [one.id, one.from, one.to])).toEqual([['t', 3, 7]])
    expect(spotsOf(doc, all, 'done').spots.map((one) => [one.id, one.on])).toEqual([
      ['t', false],
      ['done', true],
    ])
  })

  it('is found by its words where an undo has brought the text back, if they stand there once', () => {
    const at = (quote: string) => {
      const { spots } = spotsOf(doc, [thread('t', [said(ANA)], { start: '4', end: '4', quote })], null)
      return [spots[0]?.from, spots[0]?.to]
    }
    expect(at('horse')).toEqual([4, 9])
    expect(at('one ')).toEqual([4, 4])
    expect(at('zebra')).toEqual([4, 4])
  })

  it('is empty where the text is gone, and looked for again where it is not here yet', () => {
    const gone = spotsOf(doc, [thread('t', [said(ANA)], { start: '7', end: '3' })], null)
    expect(gone.spots.map((one) => [one.from, one.to])).toEqual([[7, 7]])
    expect(gone.complete).toBe(true)
    expect(spotsOf(doc, [thread('t', [said(ANA)], { end: '?' })], null)).toEqual({ spots: [], complete: false })
  })
})
