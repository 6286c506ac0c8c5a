// The peer of the keystroke figures: Hocuspocus 4 with its defaults. argv: port, package.json of the front end.
// It keeps documents in memory only: no extension that stores is loaded, which is to its advantage.
import { createRequire } from 'node:module'

const [port, packages] = process.argv.slice(2)
const { Server } = createRequire(packages)('@hocuspocus/server')
const server = new Server({ port: Number(port), address: '127.0.0.1', quiet: true, stopOnSignals: true })
await server.listen()
console.log('ready')
