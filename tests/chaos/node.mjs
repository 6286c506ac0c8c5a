// A tab with the stock @hocuspocus/provider that writes tokens; orders are JSON lines on stdin, states go to stdout.
// argv: package.json of the front end, url, document, session key.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [packages, url, name, session] = process.argv.slice(2)
const require = createRequire(packages)
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')
const Y = require('yjs')

class SignedIn extends WebSocket {
  constructor(address) {
    super(address, { headers: { cookie: `tandem_session=${session}`, origin: url.replace(/^ws(.*)\/ws\/.*/, 'http$1') } })
  }
}

const socket = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: SignedIn, delay: 50, minDelay: 50, maxDelay: 400 })
let document, text, provider
let loaded = false // an editor takes no letter before its text is there
let written = 0
const mine = [] // what was written, in order

const tell = (more = {}) =>
  process.stdout.write(
    `${JSON.stringify({
      connected: socket.status === 'connected',
      settled: provider.isSynced && provider.unsyncedChanges === 0 && missing().length === 0,
      written,
      ...more,
    })}\n`,
  )
const missing = () => mine.filter((one) => !text.toString().includes(one.token))

function insert({ after, token, company }) {
  const at = text.toString().indexOf(after)
  text.insert(at < 0 ? text.length : at + after.length, token + company)
}

// As our browser does when its replica is of another epoch: it goes, what only it had is typed again.
function open() {
  loaded = false
  document = new Y.Doc()
  text = document.getText('text')
  provider = new HocuspocusProvider({
    websocketProvider: socket,
    name,
    document,
    token: 'cookie',
    onAuthenticationFailed: ({ reason }) => {
      if (reason !== 'epoch') return
      provider.destroy()
      open()
    },
    onSynced: () => {
      loaded = true
      missing().forEach(insert)
      tell()
    },
    onUnsyncedChanges: () => tell(),
  })
  provider.setAwarenessField('user', { name: 'a forged name' })
  provider.attach()
}

open()
socket.on('status', () => tell())

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  if (order.do === 'write') {
    written += 1
    mine.push(order)
    if (loaded) insert(order)
  }
  tell(order.do === 'text' ? { text: text.toString() } : {})
}
socket.destroy()
process.exit(0)
