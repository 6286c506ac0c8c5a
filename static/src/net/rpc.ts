// JSON-RPC 2.0 over any channel of text: requests with answers, notifications to listeners.
import type { Problem } from '../wire'
import { Refusal } from './http'

interface Waiting {
  resolve: (result: unknown) => void
  reject: (error: Refusal) => void
  timer: ReturnType<typeof setTimeout>
}
interface Frame {
  id?: number
  method?: string
  params?: unknown
  result?: unknown
  error?: { message: string; data?: Problem }
}

const SECONDS = 30
const lost = (message: string): Problem => ({ code: 'lost', message, do: 'Try again when the connection is back.' })

export class Rpc {
  private waiting = new Map<number, Waiting>()
  private last = 0

  constructor(
    private send: (text: string) => void,
    private notify: (params: unknown) => void,
  ) {}

  call(method: string, params: unknown): Promise<unknown> {
    const id = ++this.last
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(id, lost(`The server did not answer in ${SECONDS} s.`)), SECONDS * 1000)
      this.waiting.set(id, { resolve, reject, timer })
      this.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    })
  }

  // One text frame from the server. What is not understood is dropped: a newer server may say more.
  take(text: string) {
    let frame: Frame | null
    try {
      frame = JSON.parse(text) as Frame | null
    } catch {
      return
    }
    if (!frame) return
    if (frame.method) return this.notify(frame.params)
    const waiting = frame.id === undefined ? undefined : this.waiting.get(frame.id)
    if (!waiting) return
    this.waiting.delete(frame.id!)
    clearTimeout(waiting.timer)
    if (!frame.error) waiting.resolve(frame.result)
    else waiting.reject(new Refusal(frame.error.data ?? { code: 'failed', message: frame.error.message, do: '' }))
  }

  // The connection is gone: nothing that was asked will be answered on it.
  drop() {
    for (const id of [...this.waiting.keys()]) this.fail(id, lost('The connection was lost before the answer came.'))
  }

  private fail(id: number, problem: Problem) {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    clearTimeout(waiting?.timer)
    waiting?.reject(new Refusal(problem))
  }
}
