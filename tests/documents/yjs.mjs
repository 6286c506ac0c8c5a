// Reads [[updates that come, updates that come late], …] as hex from standard input. Tells for each what Yjs makes of
// those that come, as one (one by one it may leave something waiting that fits by now), and of all of them one by one.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../static/package.json', import.meta.url))
const Y = require('yjs')
const bytes = (updates) => updates.map((update) => Buffer.from(update, 'hex'))
const read = (updates) => {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getText('text').toString()
}
const told = JSON.parse(readFileSync(0, 'utf8')).map(([came, late]) => [
  read([Y.mergeUpdates(bytes(came))]),
  read([...bytes(came), ...bytes(late)]),
])
process.stdout.write(JSON.stringify(told))
