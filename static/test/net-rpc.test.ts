import { expect, test, vi } from 'vitest'
import { Refusal } from '../src/net/http'
import { Rpc } from '../src/net/rpc'

function pair() {
  const sent: { id: number; method: string; params: unknown }[] = []
  const told: unknown[] = []
  const rpc = new Rpc(
    (text) => sent.push(JSON.parse(text)),
    (params) => told.push(params),
  )
  return { rpc, sent, told }
}

test('an answer reaches the request it belongs to, in any order', async () => {
  const { rpc, sent } = pair()
  const [first, second] = [rpc.call('a', {}), rpc.call('b', { x: 1 })]
  expect(sent[1]).toMatchObject({ jsonrpc: '2.0', method: 'b', params: { x: 1 } })
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[1]!.id, result: 'two' }))
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[0]!.id, result: 'one' }))
  expect(await Promise.all([first, second])).toEqual(['one', 'two'])
})

test('an error rejects with the problem the server told', async () => {
  const { rpc, sent } = pair()
  const asked = rpc.call('a', {})
  const problem = { code: 'conflict', message: 'The turn has ended.', do: 'Start a new one.' }
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[0]!.id, error: { code: -32000, message: 'no', data: problem } }))
  await expect(asked).rejects.toMatchObject({ problem })
})

test('what was asked is refused when the connection is lost, and a late answer is ignored', async () => {
  const { rpc, sent } = pair()
  const asked = rpc.call('a', {})
  rpc.drop()
  await expect(asked).rejects.toBeInstanceOf(Refusal)
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[0]!.id, result: 1 }))
})

test('a notification reaches the listener and garbage is dropped', () => {
  const { rpc, told } = pair()
  rpc.take('{nonsense')
  rpc.take('null')
  rpc.take(JSON.stringify({ jsonrpc: '2.0', method: 'event', params: { type: 'people', people: [] } }))
  expect(told).toEqual([{ type: 'people', people: [] }])
})

test('a request nobody answers is refused after thirty seconds, and its late answer is ignored', async () => {
  vi.useFakeTimers()
  const { rpc, sent } = pair()
  const asked = rpc.call('a', {})
  const refused = expect(asked).rejects.toMatchObject({ problem: { code: 'lost' } })
  vi.advanceTimersByTime(29_999)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(1)
  await refused
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[0]!.id, result: 1 }))
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('an answer takes its timer with it', async () => {
  vi.useFakeTimers()
  const { rpc, sent } = pair()
  const asked = rpc.call('a', {})
  rpc.take(JSON.stringify({ jsonrpc: '2.0', id: sent[0]!.id, result: 1 }))
  await asked
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})
