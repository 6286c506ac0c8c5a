// The real provider over a socket in memory: what counts as saved.
import { HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { checks, DocumentProvider } from '../src/net/provider'

class Wire extends EventTarget {
  static last: Wire
  readyState = 0
  sent = 0
  largest = 0
  constructor() {
    super()
    Wire.last = this
  }
  send(data: Uint8Array) {
    this.sent++
    this.largest = Math.max(this.largest, data.byteLength)
  }
  open() {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }
  say(...tail: number[]) {
    const frame = new Uint8Array([1, 'd'.charCodeAt(0), ...tail])
    this.dispatchEvent(new MessageEvent('message', { data: frame.buffer }))
  }
  close() {
    this.readyState = 3
    this.dispatchEvent(new CloseEvent('close', { code: 1006 }))
  }
}
const STEP_1 = [0, 0, 1, 0] // of an empty document
const STEP_2 = [0, 1]
const WRITER = [2, 2, 10, ...new TextEncoder().encode('read-write')]
const APPLIED = [8, 1]
const REFUSED = [8, 0]

function joined() {
  const document = new Y.Doc()
  const websocketProvider = new HocuspocusProviderWebsocket({
    url: 'ws://x',
    WebSocketPolyfill: Wire,
    delay: 1,
    minDelay: 1,
  })
  const provider = new DocumentProvider({ name: 'd', document, websocketProvider })
  provider.attach()
  const wire = Wire.last
  wire.open()
  return { provider, wire, text: document.getText('text'), end: () => websocketProvider.destroy() }
}

test('every write waits for its own acknowledgement, the sync at connect included', () => {
  const { provider, wire, text, end } = joined()
  wire.say(...STEP_1)
  text.insert(0, 'a')
  text.insert(1, 'b')
  expect(provider.outstanding.value).toBe(3)
  wire.say(...APPLIED)
  wire.say(...APPLIED)
  expect(provider.outstanding.value).toBe(1)
  wire.say(...APPLIED)
  expect(provider.outstanding.value).toBe(0)
  end()
})

test('a refused write never counts as saved, and is told', () => {
  const { provider, wire, text, end } = joined()
  let told = 0
  provider.onRefused = () => told++
  text.insert(0, 'a')
  wire.say(...REFUSED)
  expect([provider.outstanding.value, told]).toEqual([1, 1])
  end()
})

test('what is larger than the server reads is not sent, never counts as saved, and is told', async () => {
  const { provider, wire, text, end } = joined()
  const told: string[] = []
  provider.onRefused = (why) => told.push(why)
  wire.close()
  for (let n = 0; n < 2; n++) text.insert(0, 'x'.repeat(5 << 20)) // offline: both would leave in the next sync step 2
  await new Promise((resolve) => setTimeout(resolve, 20))
  Wire.last.open()
  Wire.last.say(...STEP_1)
  expect(told).toEqual(['large'])
  expect([provider.outstanding.value, provider.unsent.value]).toEqual([0, true])
  expect(Wire.last.largest).toBeLessThan(1000)
  end()
})

test('both sides are compared when all is quiet, never while an acknowledgement is outstanding, and differences are counted', () => {
  const { provider, wire, text, end } = joined()
  const before = { ...checks }
  expect(provider.check()).toBe(false) // nothing was synced yet
  wire.say(...WRITER)
  wire.say(...STEP_1)
  wire.say(...STEP_2, 2, 0, 0)
  expect(provider.check()).toBe(false)
  wire.say(...APPLIED)
  expect([provider.check(), provider.check()]).toEqual([true, false])
  wire.say(...STEP_2, 2, 0, 0) // nothing new
  expect([checks.made - before.made, checks.healed - before.healed]).toEqual([1, 0])
  const lost = new Y.Doc()
  lost.getText('text').insert(0, 'lost on the way')
  const update = Y.encodeStateAsUpdate(lost)
  expect(provider.check()).toBe(true)
  wire.say(...STEP_2, update.length, ...update)
  expect([text.toString(), checks.healed - before.healed]).toEqual(['lost on the way', 1])
  end()
})

test('what was not acknowledged or was typed without a connection is unsent until the next sync carries it', async () => {
  const { provider, wire, text, end } = joined()
  text.insert(0, 'a')
  wire.close()
  expect([provider.unsent.value, provider.outstanding.value]).toEqual([true, 0])
  text.insert(1, 'b')
  await expect.poll(() => Wire.last !== wire).toBe(true)
  Wire.last.open()
  Wire.last.say(...STEP_1)
  expect([provider.unsent.value, provider.outstanding.value]).toEqual([false, 1])
  Wire.last.say(...APPLIED)
  expect(provider.outstanding.value).toBe(0)
  end()
})
