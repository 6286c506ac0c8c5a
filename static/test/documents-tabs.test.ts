// Tabs over a socket in memory: what closing and renaming do to documents.
import { signal } from '@preact/signals'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Documents } from '../src/documents/documents'
import type { Socket } from '../src/net/socket'
import type { Live } from '../src/workspace/live'

class Line {
  readonly outstanding = signal(0)
  readonly unsent = signal(false)
  readonly awareness: Awareness
  ended = false
  constructor(document: Y.Doc) {
    this.awareness = new Awareness(document)
  }
  on() {}
  attach() {}
  destroy() {
    this.ended = true
    this.awareness.destroy()
  }
}

// The server's answer to every path: a document of its own.
const refs = (address: string) => {
  const path = new URL(address, 'http://x').searchParams.get('path')!
  return { id: `id-${path}`, path, access: 'edit', reason: '', epoch: 1 }
}

let documents: Documents
let lines: Map<string, Line>
let asked: number
let presence: Awareness

beforeEach(() => {
  lines = new Map()
  asked = 0
  presence = new Awareness(new Y.Doc())
  vi.stubGlobal('fetch', async (address: string) => {
    asked++
    return new Response(JSON.stringify(refs(address)))
  })
  const provide = (id: string, document: Y.Doc) => {
    const line = new Line(document)
    lines.set(id, line)
    return line
  }
  const socket = { provide, presence: { awareness: presence } } as unknown as Socket
  documents = new Documents({ id: 'w1', me: { id: 1 } } as Live, socket)
})
afterEach(() => {
  documents.destroy()
  presence.destroy()
  vi.unstubAllGlobals()
})

const paths = () => documents.tabs.value.map((doc) => doc.path.value)

test('a path asked for twice at once is opened once, and the others are told where one is', async () => {
  const [one, two] = await Promise.all([documents.open('a.py'), documents.open('a.py')])
  expect([one === two, asked, paths()]).toEqual([true, 1, ['a.py']])
  expect(presence.getLocalState()).toEqual({ path: 'a.py', document: 'id-a.py' })
})

test('closing the shown tab shows its neighbour and lets the document go', async () => {
  const a = await documents.open('a.py')
  await documents.open('b.py')
  documents.show(a)
  documents.close(a)
  expect(documents.active.value?.path.value).toBe('b.py')
  await expect.poll(() => lines.get('id-a.py')!.ended).toBe(true)
})

test('a document closed with unsent edits stays connected until they are saved', async () => {
  const a = await documents.open('a.py')
  const line = lines.get('id-a.py')!
  line.unsent.value = true
  documents.close(a)
  expect([paths(), documents.unsaved, line.ended]).toEqual([[], true, false])
  line.unsent.value = false
  line.outstanding.value = 1
  await Promise.resolve()
  expect([documents.unsaved, line.ended]).toEqual([true, false])
  line.outstanding.value = 0
  await expect.poll(() => line.ended).toBe(true)
  expect(documents.unsaved).toBe(false)
})

test('a document opened again before its edits are saved is the same one and lives on', async () => {
  const a = await documents.open('a.py')
  const line = lines.get('id-a.py')!
  line.unsent.value = true
  documents.close(a)
  expect(await documents.open('a.py')).toBe(a)
  line.unsent.value = false
  await documents.saved()
  expect([line.ended, paths()]).toEqual([false, ['a.py']])
})

test('a document opened again knows whether it is on disk and where, though it was closed when it was told', async () => {
  const a = await documents.open('a.py')
  lines.get('id-a.py')!.unsent.value = true
  documents.close(a)
  documents.take({ type: 'document.disk', document: a.id, on_disk: false, seq: 2 })
  documents.take({ type: 'document.moved', document: a.id, path: 'b.py' })
  expect(a.path.value).toBe('b.py')
  await documents.open('a.py')
  lines.get('id-a.py')!.unsent.value = false
  expect(a.saved.value).toBe('saved')
})

test('a reader has nothing to wait for', async () => {
  const a = await documents.open('a.py')
  a.access.value = 'read'
  lines.get('id-a.py')!.outstanding.value = 1
  expect(documents.unsaved).toBe(false)
  documents.close(a)
  await expect.poll(() => lines.get('id-a.py')!.ended).toBe(true)
})

test('a document whose file moved keeps its tab under the new name, and presence follows', async () => {
  const a = await documents.open('shop/a.py')
  documents.take({ type: 'document.moved', document: a.id, path: 'store/a.py' })
  expect(paths()).toEqual(['store/a.py'])
  expect(presence.getLocalState()).toMatchObject({ path: 'store/a.py' })
})
