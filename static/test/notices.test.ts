import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { take, told } from '../src/notices/state'
import { notices as toasts } from '../src/ui/toast'
import type { Told } from '../src/wire'
import { go } from '../src/workspace/route'

const one = (id: string, part: Partial<Told> = {}): Told => ({
  id,
  kind: 'review',
  title: 'A job is ready for review',
  body: `Job ${id}`,
  url: `/w/w/review/${id}`,
  workspace: 'w',
  created_at: `2026-11-22T18:00:0${id}Z`,
  read: false,
  ...part,
})
const hear = (...all: Told[]) => take({ notices: all, unread: all.filter((told) => !told.read).length })
const unread = () => told.value?.notices.filter((told) => !told.read).map((told) => told.id)
const shown = () => toasts.value.map((toast) => toast.text)

beforeEach(() => {
  go('/w/w')
  hear()
})
afterEach(() => {
  toasts.value = []
})

describe('a notice', () => {
  it('is shown in a corner when it is new, and stays unread', () => {
    hear(one('1'))
    expect(shown()).toEqual(['A job is ready for review: Job 1'])
    expect(unread()).toEqual(['1'])
  })

  it('is read, and out of the corner, when one comes to what it is about; others stay', () => {
    hear(one('2'), one('1'))
    go('/w/w/review/1')
    expect(unread()).toEqual(['2'])
    expect(told.value?.unread).toBe(1)
    expect(shown()).toEqual(['A job is ready for review: Job 2'])
  })

  it('of what one is looking at is read as it comes', () => {
    go('/w/w/review/1')
    hear(one('1'))
    expect(shown()).toEqual([])
    expect(unread()).toEqual([])
  })

  it('that was read on another page leaves the corner', () => {
    hear(one('1'))
    hear(one('1', { read: true }))
    expect(shown()).toEqual([])
  })
})
