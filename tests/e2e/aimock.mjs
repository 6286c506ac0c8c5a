// A model server nobody here wrote, with a script: Responses over a WebSocket from the package aimock, on a free port.
// argv: package.json of the front end, whose packages hold it; a file with the steps. Prints its address; ends with its
// standard input. A step is played once unless it repeats; the first that fits the last thing a person said.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { LLMock } = createRequire(process.argv[2])('@copilotkit/aimock')
const left = JSON.parse(readFileSync(process.argv[3], 'utf8')).steps

const textOf = (content) => (typeof content === 'string' ? content : content.map((part) => part.text ?? '').join(''))
const answer = ({ messages }) => {
  const said = textOf(messages.findLast((message) => message.role === 'user')?.content ?? '').toLowerCase()
  const step = left.find((one) => said.includes(one.when))
  if (!step) return { content: 'The script has no step left for this.' }
  if (!step.repeat) left.splice(left.indexOf(step), 1)
  const toolCalls = step.calls?.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) }))
  return toolCalls ? { content: step.text, toolCalls } : { content: step.text }
}

const mock = new LLMock({ port: 0, chunkSize: 5, latency: 40 })
mock.addFixture({ match: { predicate: () => true }, response: answer })
await mock.start()
console.log(mock.url)
process.stdin.resume()
process.stdin.on('end', () => mock.stop().then(() => process.exit(0)))
