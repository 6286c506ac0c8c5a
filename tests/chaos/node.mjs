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
const document = new Y.Doc()
const text = document.getText('text')
let written = 0

const tell = (more = {}) =>
  process.stdout.write(
    `${JSON.stringify({
      connected: socket.status === 'connected',
      settled: provider.isSynced && provider.unsyncedChanges === 0,
      written,
      ...more,
    })}\n`,
  )
const provider = new HocuspocusProvider({
  websocketProvider: socket,
  name,
  document,
  token: 'cookie',
  onSynced: () => tell(),
  onUnsyncedChanges: () => tell(),
})
provider.setAwarenessField('user', { name: 'a forged name' })
provider.attach()
socket.on('status', () => tell())

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  if (order.do === 'write') {
    const at = text.toString().indexOf(order.after)
    written += 1
    text.insert(at < 0 ? text.length : at + order.after.length, order.text)
  }
  tell(order.do === 'text' ? { text: text.toString() } : {})
}
socket.destroy()
process.exit(0)
