// Browser tabs with the stock @hocuspocus/provider, driven by lines of JSON on stdin; states go to stdout as JSON lines.
// argv: url, document, cookies (JSON list: one tab each), package.json of the front end. An order `second` opens the
// document once more on the same socket, told apart by session ids.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [url, name, cookies, packages] = process.argv.slice(2)
const require = createRequire(packages)
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')
const Y = require('yjs')

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

function open(cookie, number) {
  class SignedIn extends WebSocket {
    constructor(address) {
      super(address, { headers: { cookie } })
    }
  }
  const socket = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: SignedIn, delay: 50, minDelay: 50, maxDelay: 200, jitter: false })
  const document = new Y.Doc()
  const text = document.getText('text')
  const tab = { socket, text, document, scope: '', acks: 0, refusals: 0, answers: [] }
  const tell = () =>
    say({
      tab: number,
      text: text.toString(),
      synced: provider.isSynced,
      unsynced: provider.unsyncedChanges,
      scope: tab.scope,
      connected: socket.status === 'connected',
      denied: tab.denied ?? '',
      second: tab.second?.document.getText('text').toString() ?? '',
      secondSynced: (tab.second?.isSynced && tab.second.unsyncedChanges === 0) ?? false,
      answers: tab.answers,
    })
  const provider = new HocuspocusProvider({
    websocketProvider: socket,
    name,
    document,
    onAuthenticated: ({ scope }) => {
      tab.scope = scope
      tell()
    },
    onAuthenticationFailed: ({ reason }) => {
      tab.denied = reason
      tell()
    },
    onSynced: () => tell(),
    onUnsyncedChanges: () => tell(),
  })
  const workspace = new HocuspocusProvider({
    websocketProvider: socket,
    name: 'workspace',
    onStateless: ({ payload }) => {
      tab.answers.push(JSON.parse(payload))
      tell()
    },
  })
  provider.attach()
  workspace.attach()
  text.observe(() => tell())
  socket.on('status', () => tell())
  return Object.assign(tab, { provider, workspace, tell })
}

const tabs = JSON.parse(cookies).map(open)

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  const tab = tabs[order.tab]
  if (order.do === 'insert') tab.text.insert(order.at < 0 ? tab.text.length : order.at, order.text)
  if (order.do === 'delete') tab.text.delete(order.at, order.size)
  if (order.do === 'second') {
    tab.second = new HocuspocusProvider({
      websocketProvider: tab.socket,
      name,
      sessionAwareness: true,
      onSynced: tab.tell,
      onUnsyncedChanges: tab.tell,
    })
    tab.second.document.on('update', tab.tell)
    tab.second.attach()
  }
  if (order.do === 'second-insert') tab.second.document.getText('text').insert(0, order.text)
  if (order.do === 'second-close') tab.second.destroy()
  if (order.do === 'request') tab.workspace.sendStateless(JSON.stringify(order.message))
  tab.tell()
}
for (const tab of tabs) tab.socket.destroy()
process.exit(0)
