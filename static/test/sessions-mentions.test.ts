import { signal } from '@preact/signals'
import { describe, expect, test } from 'vitest'
import type { OpenDocument } from '../src/documents/open'
import { choices, type Ground } from '../src/sessions/attachments/choices'
import { askedAt, labelOf, sameMention, wordOf } from '../src/sessions/attachments/mentions'
import { fitted, isPicture } from '../src/sessions/attachments/send'
import { goodAt } from '../src/sessions/composer/model'
import type { Endpoint, Item, Job, TreeEntry } from '../src/wire'
import { ana } from './sessions-host'

const doc = (path: string) => ({ path: signal(path), selection: () => ({ from: 0, to: 0 }) }) as unknown as OpenDocument
const entry = (path: string, kind: TreeEntry['kind'] = 'file', problem = '') => ({ path, kind, size: 1, problem })
const said = (turn: string, text: string, steer = false) =>
  ({ id: `i${turn}`, turn, kind: 'person', author: ana, data: { text, steer } }) as Item

const open = doc('shop/basket.py')
const ground: Ground = {
  active: open,
  tabs: [open, doc('shop/order.py')],
  entries: [
    entry('shop', 'folder'),
    entry('shop/basket.py'),
    entry('shop/basket.png', 'file', 'binary'),
    entry('shop/order.py'),
    entry('tests', 'folder'),
    entry('tests/test_basket.py'),
  ],
  changed: 2,
  offers: { commands: 3, problems: 0 },
  jobs: [{ id: 'j', instruction: 'Document the shop\nall of it', state: 'review' } as Job],
  items: [said('t1', 'What is a basket?'), said('t1', 'shorter', true), said('t2', 'Add paging')],
  symbols: [],
}
const shown = (query: string, more: Partial<Ground> = {}) =>
  choices({ ...ground, ...more }, query).map((one) => `${one.group}: ${one.label}`)

describe('what can be mentioned', () => {
  test('without a word: what is open, what changed, what ran, jobs and turns, the newest first', () => {
    expect(shown('')).toEqual([
      'here: Changes',
      'here: Last commands',
      'here: shop/basket.py',
      'here: shop/order.py',
      'jobs: Document the shop',
      'turns: Add paging',
      'turns: What is a basket?',
    ])
  })

  test('what there is none of is not offered', () => {
    const none = { active: null, tabs: [], changed: 0, offers: { commands: 0, problems: 0 }, jobs: [], items: [] }
    expect(shown('', none)).toEqual([])
  })

  test('a few letters find files and folders, but not what cannot be opened', () => {
    expect(shown('bask')).toEqual(['files: basket.py', 'files: test_basket.py', 'turns: What is a basket?'])
    expect(shown('shop/')).toContain('folders: shop/')
    expect(shown('order')).toEqual(['files: order.py'])
  })

  test('symbols stand in their own group with where they are', () => {
    const symbols = [{ name: 'Basket', kind: 'class', path: 'shop/basket.py', line: 12, end: 40 }]
    const found = choices({ ...ground, symbols }, 'Basket').find((one) => one.group === 'symbols')
    expect(found?.mention).toEqual({ kind: 'symbol', name: 'Basket', path: 'shop/basket.py', line: 12 })
    expect(found?.hint).toBe('shop/basket.py, line 12')
  })
})

describe('the word of a mention', () => {
  test('begins with an @ where a word begins and ends at the caret', () => {
    expect(askedAt('see @shop/ba', 12)).toEqual({ from: 4, query: 'shop/ba' })
    expect(askedAt('(@', 2)).toEqual({ from: 1, query: '' })
    expect(askedAt('see @shop here', 14)).toBeNull()
    expect(askedAt('ana@example.org', 15)).toBeNull()
    expect(askedAt('see @shop', 3)).toBeNull()
  })

  test('is short, of one piece, and says what it is', () => {
    expect(wordOf({ kind: 'file', path: 'shop/my basket.py' })).toBe('@my-basket.py')
    expect(wordOf({ kind: 'folder', path: 'shop' })).toBe('@shop/')
    expect(wordOf({ kind: 'selection', path: 'a/b.py', name: 'lines 3 to 12' })).toBe('@b.py:3-12')
    expect(wordOf({ kind: 'selection', path: 'a/b.py' })).toBe('@b.py')
    expect(wordOf({ kind: 'diff' })).toBe('@changes')
    expect(labelOf({ kind: 'selection', path: 'a/b.py', name: 'line 3' })).toBe('a/b.py, line 3')
  })

  test('the same thing is mentioned once, two jobs are two', () => {
    expect(sameMention({ kind: 'file', path: 'a' }, { kind: 'file', path: 'a' })).toBe(true)
    expect(sameMention({ kind: 'job', id: '1', name: 'x' }, { kind: 'job', id: '2', name: 'x' })).toBe(false)
    expect(sameMention({ kind: 'symbol', path: 'a', name: 'x' }, { kind: 'symbol', path: 'a', name: 'y' })).toBe(false)
  })
})

describe('pictures before they are sent', () => {
  test('fit into a square of 2,048 px, and are never made larger', () => {
    expect(fitted(4096, 1024)).toEqual({ width: 2048, height: 512 })
    expect(fitted(1000, 2000)).toEqual({ width: 1000, height: 2000 })
    expect(fitted(9000, 1)).toEqual({ width: 2048, height: 1 })
  })

  test('are of four kinds', () => {
    expect(isPicture(new File([], 'a', { type: 'image/webp' }))).toBe(true)
    expect(isPicture(new File([], 'a.svg', { type: 'image/svg+xml' }))).toBe(false)
  })
})

test('a model says what it is good at', () => {
  const one = { name: 'fast', model: 'm-1', drives_tools: true, images: true, window: 131_072 } as Endpoint
  expect(goodAt({ ...one, price: { input: 0.6, output: 2.4 } })).toBe(
    'm-1 · tools · pictures · 131k tokens · $0.60 in, $2.40 out per million',
  )
  expect(goodAt({ ...one, model: 'fast', drives_tools: false, images: null, window: 1e6 })).toBe('no tools · 1M tokens')
})
