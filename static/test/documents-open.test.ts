// OpenDocument over a provider in memory, with a real editor view and without one.
import { signal } from '@preact/signals'
import { afterEach, expect, test } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { LIMIT } from '../src/documents/limit'
import type { Aside } from '../src/documents/offline'
import { OpenDocument } from '../src/documents/open'
import { again } from '../src/documents/patch'
import { pump } from '../src/documents/pump'
import type { Socket } from '../src/net/socket'
import type { Live } from '../src/workspace/live'

type Listener = (event: unknown) => void

// What OpenDocument uses of a provider; `peer` is everybody else.
class Line {
  readonly outstanding = signal(0)
  readonly unsent = signal(false)
  readonly awareness: Awareness
  onRefused = (_: 'refused' | 'large') => {}
  private listeners = new Map<string, Listener>()
  constructor(readonly document: Y.Doc) {
    this.awareness = new Awareness(document)
  }
  on(name: string, listener: Listener) {
    this.listeners.set(name, listener)
  }
  say(name: string, event: unknown = {}) {
    this.listeners.get(name)?.(event)
  }
  attach() {}
  destroy() {
    this.awareness.destroy()
  }
}

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

function opened(text: string) {
  const peer = new Y.Doc()
  peer.getText('text').insert(0, text)
  let line: Line | undefined
  const socket = { provide: (_: string, document: Y.Doc) => (line = new Line(document)) }
  const ref = { id: 'd1', path: 'shop/basket.py', access: 'edit' as const, reason: '', epoch: 1 }
  const asides: Aside[] = []
  const documents = { ref: async () => ({ ...ref, epoch: 2 }) }
  const live = { documents } as unknown as Live
  const doc = new OpenDocument(ref, live, socket as unknown as Socket, null, [], (aside) => asides.push(aside))
  const receive = () =>
    Y.applyUpdate(doc.doc, Y.encodeStateAsUpdate(peer, Y.encodeStateVector(doc.doc)), line as unknown)
  const send = () => Y.applyUpdate(peer, Y.encodeStateAsUpdate(doc.doc, Y.encodeStateVector(peer)))
  receive()
  line!.say('authenticated', { scope: 'read-write' })
  line!.say('synced')
  ends.push(() => doc.destroy())
  return { doc, line: line!, peer: peer.getText('text'), receive, send, asides, newest: () => line! }
}

function mounted(doc: OpenDocument) {
  const parent = document.createElement('div')
  document.body.append(parent)
  return doc.mount(parent)
}

test('the first sync fills the editor, and only then may one write', () => {
  const { doc } = opened('one\ntwo\n')
  expect(doc.state.doc.toString()).toBe('one\ntwo\n')
  expect([doc.loaded.value, doc.state.readOnly]).toEqual([true, false])
})

for (const withView of [true, false])
  test(`text written ${withView ? 'in a view' : 'without a view'} reaches the peer, and the peer's comes back`, () => {
    const { doc, peer, receive, send } = opened('one\n')
    if (withView) mounted(doc)
    doc.dispatch({ changes: { from: 4, insert: 'two 😀\n' } })
    send()
    expect(peer.toString()).toBe('one\ntwo 😀\n')
    peer.insert(0, 'zero\n')
    receive()
    expect(doc.state.doc.toString()).toBe('one\ntwo 😀\n')
    pump.flush()
    expect(doc.state.doc.toString()).toBe('zero\none\ntwo 😀\n')
  })

test('typing in the view while remote text waits loses neither', () => {
  const { doc, peer, receive, send } = opened('a b\n')
  mounted(doc)
  peer.insert(0, '>> ')
  receive()
  doc.dispatch({ changes: { from: 1, to: 3, insert: ' c' } })
  pump.flush()
  send()
  expect([doc.state.doc.toString(), peer.toString()]).toEqual(['>> a c\n', '>> a c\n'])
})

test('an anchor finds its place again after edits on both sides, and while remote text waits', () => {
  const { doc, peer, receive } = opened('alpha beta gamma')
  const anchor = doc.anchorAt(6)
  doc.dispatch({ changes: { from: 0, insert: 'my ' } })
  peer.insert(0, 'remote ')
  receive()
  expect(doc.state.sliceDoc(doc.posOf(anchor)!).startsWith('beta')).toBe(true)
  pump.flush()
  expect(doc.state.sliceDoc(doc.posOf(anchor)!).startsWith('beta')).toBe(true)
  const later = doc.anchorAt(doc.state.doc.length)
  expect(doc.posOf(later)).toBe(doc.state.doc.length)
})

test('undo takes back what was typed here and leaves what a peer wrote', () => {
  const { doc, peer, receive } = opened('base\n')
  const unmount = mounted(doc)
  doc.dispatch({ changes: { from: 0, insert: 'mine ' } })
  peer.insert(0, 'theirs ')
  receive()
  pump.flush()
  const event = new KeyboardEvent('keydown', { key: 'z', code: 'KeyZ', ctrlKey: true, bubbles: true, cancelable: true })
  doc.view!.contentDOM.dispatchEvent(event)
  expect([event.defaultPrevented, doc.text.toString(), doc.state.doc.toString()]).toEqual([
    true,
    'theirs base\n',
    'theirs base\n',
  ])
  unmount()
})

test('a caret at the end of text that just arrived stands at the new end', () => {
  const { doc, line, peer, receive } = opened('end')
  mounted(doc)
  peer.insert(3, ' of the line')
  const head = Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(peer, peer.length, -1))
  const anchor = btoa(String.fromCharCode(...head))
  const person = { id: 2, name: 'Ben', colour: 1 }
  receive()
  line.awareness.states.set(77, { person, cursor: { anchor, head: anchor } })
  line.awareness.emit('change', [{ added: [77], updated: [], removed: [] }, 'peer'])
  pump.flush()
  const caret = doc.view!.contentDOM.querySelector('.remote-caret')!
  expect([caret.textContent, doc.view!.posAtDOM(caret)]).toEqual(['Ben', 'end of the line'.length])
})

test('a caret whose text has not arrived is shown when it has', () => {
  const { doc, line, peer, receive } = opened('a')
  mounted(doc)
  peer.insert(1, 'bc')
  const anchor = btoa(
    String.fromCharCode(...Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(peer, 2, -1))),
  )
  line.awareness.states.set(77, { person: { id: 2, name: 'Ben', colour: 1 }, cursor: { anchor, head: anchor } })
  line.awareness.emit('change', [{ added: [77], updated: [], removed: [] }, 'peer'])
  pump.flush()
  const carets = () => doc.view!.contentDOM.querySelectorAll('.remote-caret').length
  expect(carets()).toBe(0)
  receive()
  pump.flush()
  expect(carets()).toBe(1)
})

test('saved says typing, sent, saved and disk in turn', () => {
  const { doc, line } = opened('x')
  expect(doc.saved.value).toBe('disk')
  line.unsent.value = true
  expect(doc.saved.value).toBe('typing')
  line.unsent.value = false
  line.outstanding.value = 1
  doc.dispatch({ changes: { from: 0, insert: 'y' } })
  expect(doc.saved.value).toBe('sent')
  doc.disk(true) // of an earlier save
  expect(doc.saved.value).toBe('sent')
  doc.disk(false) // told before the acknowledgement
  line.outstanding.value = 0
  expect(doc.saved.value).toBe('saved')
  doc.disk(true)
  expect(doc.saved.value).toBe('disk')
})

test('a reader cannot write, by key or by undo, and is told why', () => {
  const { doc, line } = opened('x')
  line.say('authenticated', { scope: 'readonly' })
  expect([doc.access.value, doc.state.readOnly]).toEqual(['read', true])
  expect(doc.reason.value).not.toBe('')
  line.say('authenticated', { scope: 'read-write' })
  expect([doc.access.value, doc.state.readOnly, doc.reason.value]).toEqual(['edit', false, ''])
})

test('a document looked away from keeps its place and tells no caret', () => {
  const { doc, line } = opened('1\n2\n3\n')
  const unmount = mounted(doc)
  doc.goTo(3)
  unmount()
  expect(line.awareness.getLocalState()).toEqual({})
  expect(doc.view).toBeNull()
  const again = mounted(doc)
  expect(doc.state.doc.lineAt(doc.state.selection.main.head).number).toBe(3)
  again()
})

test('a name joins again with a higher clock, or the others would not believe it', () => {
  const { line } = opened('x')
  const clock = () => line.awareness.meta.get(line.document.clientID)!.clock
  const before = clock()
  line.say('authenticated', { scope: 'read-write' })
  expect(clock()).toBeGreaterThan(before)
})

test('a paste over the limit is refused whole, and what others wrote is not', () => {
  const { doc, peer, receive, send } = opened('kept\n')
  doc.dispatch({ changes: { from: 0, insert: 'x'.repeat(LIMIT) } })
  send()
  expect(doc.state.doc.toString()).toBe('kept\n')
  expect(peer.toString()).toBe('kept\n')
  peer.insert(0, 'y'.repeat(LIMIT))
  receive()
  pump.flush()
  expect(doc.state.doc.length).toBe(LIMIT + 5)
  doc.dispatch({ changes: { from: 0, to: 10 } })
  expect(doc.state.doc.length).toBe(LIMIT - 5)
})

test('a paste is measured in bytes, for the server would refuse it for ever', () => {
  const { doc } = opened('kept\n')
  doc.dispatch({ changes: { from: 0, insert: '漢'.repeat(LIMIT / 2) } })
  expect(doc.state.doc.toString()).toBe('kept\n')
  doc.dispatch({ changes: { from: 0, insert: '漢'.repeat(LIMIT / 4) } })
  expect(doc.state.doc.length).toBe(LIMIT / 4 + 5)
})

for (const why of ['epoch', 'refused', 'large'] as const)
  test(`a copy the server does not take (${why}) makes room for the server's, and what was unsaved in it is set aside`, async () => {
    const { doc, line, peer, receive, send, asides, newest } = opened('one\ntwo\nthree\n')
    send()
    doc.dispatch({ changes: { from: 3, insert: ' mine 🦄' } })
    line.outstanding.value = 1
    peer.insert(peer.length, 'theirs\n')
    receive()
    if (why === 'epoch') line.say('authenticationFailed', { reason: 'epoch' })
    else line.onRefused(why)
    await expect.poll(() => newest() !== line).toBe(true)
    expect([doc.renewing.value, doc.state.readOnly]).toEqual([true, true])
    expect(asides).toMatchObject([
      { why, base: 'one\ntwo\nthree\ntheirs\n', text: 'one mine 🦄\ntwo\nthree\ntheirs\n', path: 'shop/basket.py' },
    ])
    receive()
    newest().say('authenticated', { scope: 'read-write' })
    newest().say('synced')
    pump.flush()
    expect([doc.state.doc.toString(), doc.renewing.value, doc.state.readOnly]).toEqual([peer.toString(), false, false])
    doc.edit(again(asides[0]!.base!, asides[0]!.text, doc.state.doc.toString()))
    send()
    expect(peer.toString()).toBe('one mine 🦄\ntwo\nthree\ntheirs\n')
  })
