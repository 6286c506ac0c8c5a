import { describe, expect, it } from 'vitest'
import { byDay, met } from '../src/history/versions'
import type { VersionRow } from '../src/wire'

const author = {
  ...{ origin: 'person:1', kind: 'person' as const, label: 'Ana', person: null, model: '', prompt: '' },
  ...{ session: null, turn: null, job: null, at: null },
}
const row = (id: number, last_seq: number, ended_at = '2026-11-22T12:00:00', epoch = 1): VersionRow => ({
  ...{ id, epoch, first_seq: last_seq, last_seq, author, began_at: ended_at, ended_at, added: 1, removed: 0, note: '' },
})

describe('the timeline', () => {
  it('is told day by day, in the words people use', () => {
    const rows = [row(3, 9), row(2, 5, '2026-11-21T23:59:00'), row(1, 2, '2026-11-03T08:00:00')]
    const days = byDay(rows, new Date('2026-11-22T15:00:00'))
    expect(days.map((day) => [day.label, day.rows.length])).toEqual([
      ['Today', 1],
      ['Yesterday', 1],
      ['Tuesday, November 3, 2026', 1],
    ])
  })

  it('keeps older pages when the newest is read again, and lets entries grow', () => {
    const known = [row(4, 10), row(3, 8), row(2, 6), row(1, 4)]
    const found = met(known, [row(5, 14), row(4, 12), row(3, 8)])
    expect(found.map((one) => [one.id, one.last_seq])).toEqual([
      [5, 14],
      [4, 12],
      [3, 8],
      [2, 6],
      [1, 4],
    ])
  })

  it('does not keep what the newest page no longer has', () => {
    expect(met([row(9, 10), row(1, 4)], [row(2, 11), row(1, 4)]).map((one) => one.id)).toEqual([2, 1])
  })

  it('keeps entries of older epochs behind those of the new one', () => {
    expect(met([row(1, 90)], [row(2, 1, undefined, 2)]).map((one) => one.id)).toEqual([2, 1])
  })
})
