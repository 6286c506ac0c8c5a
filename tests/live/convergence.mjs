// Tabs with the stock @hocuspocus/provider that edit at random, all at once, as their seed says; orders are lines of JSON.
// argv: package.json of the front end, url, document, cookies (JSON list: one tab each).
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [packages, url, name, cookies] = process.argv.slice(2)
const require = createRequire(packages)
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')
const Y = require('yjs')

const PIECES = ['😀', '👩‍👩‍👧‍👦', 'é', 'e\u0301', '\r\n', '\n', '🇫🇷', 'plain words ', '\u2028', 'नि', '\ud83d\ude00\ufe0f', 'z'.repeat(400)]

// A small generator of numbers (mulberry32), so that a seed names a run.
function numbers(seed) {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

function open(cookie, number) {
  class SignedIn extends WebSocket {
    constructor(address) {
      super(address, { headers: { cookie } })
    }
  }
  const socket = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: SignedIn, delay: 50, minDelay: 50, maxDelay: 200 })
  const document = new Y.Doc()
  const text = document.getText('text')
  const provider = new HocuspocusProvider({ websocketProvider: socket, name, document, token: 'cookie', onSynced: () => tell(), onUnsyncedChanges: () => tell() })
  const tell = (more = {}) =>
    process.stdout.write(`${JSON.stringify({ tab: number, calm: provider.isSynced && provider.unsyncedChanges === 0, ...more })}\n`)
  provider.attach()
  return { socket, document, text, provider, tell }
}

// Where a pair of surrogates begins or ends, never inside one: an editor's cursor stands nowhere else.
function place(text, at) {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}

function edit({ text, document }, next) {
  const now = text.toString()
  const at = place(now, next(now.length + 1))
  if (next(10) < 7) return text.insert(at, PIECES[next(PIECES.length)])
  const end = place(now, Math.min(now.length, at + (next(4) ? next(6) : next(now.length + 1))))
  document.transact(() => {
    if (end > at) text.delete(at, end - at)
    if (next(2)) text.insert(at, PIECES[next(PIECES.length)])
  })
}

const tabs = JSON.parse(cookies).map(open)

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  const tab = tabs[order.tab]
  if (order.do === 'edit') {
    const next = numbers(order.seed * 31 + order.tab)
    for (let n = 0; n < order.times; n++) {
      edit(tab, next)
      if (!(n % 5)) await new Promise((resolve) => setImmediate(resolve))
    }
    tab.tell({ edited: order.seed })
  }
  if (order.do === 'text') tab.tell({ text: tab.text.toString(), state: Buffer.from(Y.encodeStateVector(tab.document)).toString('hex') })
}
for (const tab of tabs) tab.socket.destroy()
process.exit(0)
