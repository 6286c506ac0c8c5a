// A mock server nobody here wrote, on a free port; prints its address, ends with its standard input.
// argv: package.json of the front end, whose packages hold it.
import { createRequire } from 'node:module'

const { LLMock } = createRequire(process.argv[2])('@copilotkit/aimock')

const mock = new LLMock({ port: 0, chunkSize: 4 })
mock.onMessage('prose', { content: 'Grüße 🎈 from a stranger.' })
mock.onMessage('think', { content: 'So.', reasoning: 'First this.' })
mock.onMessage('call', { toolCalls: [{ name: 'read_file', arguments: '{"path":"é.py"}' }] })
mock.onMessage('refuse', { error: { message: 'slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' }, status: 429 })
await mock.start()
console.log(mock.url)
process.stdin.resume()
process.stdin.on('end', () => mock.stop().then(() => process.exit(0)))
