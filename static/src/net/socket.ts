// The one main socket of a tab: all documents of a workspace multiplexed, the document `workspace` for presence and ops.
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { signal } from '@preact/signals'
import * as Y from 'yjs'
import type { Event, Ops, Problem } from '../wire'
import { Refusal } from './http'
import { DocumentProvider } from './provider'
import { Rpc } from './rpc'

export type Connection = 'connecting' | 'live' | 'offline' | 'moving' | 'refused'

// The stock client reconnects for ever; after these it would only be refused again.
const FINAL: Record<number, Problem> = {
  4401: { code: 'signed_out', message: 'You are signed out.', do: 'Sign in again.' },
  4403: { code: 'not_allowed', message: 'You no longer have access to this workspace.', do: 'Ask its owner.' },
  4404: { code: 'not_found', message: 'This workspace is not there, or not shared with you.', do: 'Go back to Home.' },
  4410: { code: 'epoch', message: 'This document was restored on the server.', do: 'Reload the page.' },
}
const ELSEWHERE = 4409 // the host is on another server, or is being taken over: the next attempts find it
const PING_MS = 5000
const SILENT_MS = 12_000 // a connection that does not answer for so long is taken for dead
const SUSPECT_MS = 2000 // and if the browser says that it is offline
const IDLE_MS = 90_000 // the stock watch; longer than a hidden tab's timers may be held back

class Wire extends HocuspocusProviderWebsocket {
  // A connection that does not answer: its providers must hear of it too, or they wait for acknowledgements of it.
  lose() {
    this.emit('close', { event: new CloseEvent('close', { code: 4408 }) })
  }
}

export class Socket {
  readonly connection = signal<Connection>('connecting')
  readonly refused = signal<Problem | null>(null)
  readonly roundTrip = signal<number | null>(null)
  readonly ws: Wire
  readonly presence: HocuspocusProvider
  private rpc: Rpc
  private ping: ReturnType<typeof setInterval>
  private asked = false

  constructor(workspace: string, onEvent: (event: Event) => void, onReady: () => void) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.ws = new Wire({
      url: `${scheme}://${location.host}/ws/workspaces/${workspace}`,
      delay: 500,
      minDelay: 500,
      maxDelay: 15_000,
      messageReconnectTimeout: IDLE_MS,
      onDisconnect: ({ event }) => this.closed(event.code),
    })
    this.presence = new HocuspocusProvider({
      name: 'workspace',
      document: new Y.Doc(),
      websocketProvider: this.ws,
      token: 'cookie',
      onStateless: ({ payload }) => this.rpc.take(payload),
      onAuthenticated: () => {
        this.connection.value = 'live'
        // The others were told that we left: a state they have seen is only taken again with a higher clock.
        const { awareness } = this.presence
        awareness?.setLocalState(awareness.getLocalState())
        onReady()
      },
    })
    this.rpc = new Rpc(
      (text) => this.presence.sendStateless(text),
      (params) => onEvent(params as Event),
    )
    this.presence.attach()
    addEventListener('online', this.again)
    addEventListener('offline', this.suspect)
    this.ping = setInterval(() => this.measure(), PING_MS)
  }

  call<M extends keyof Ops>(method: M, params: Ops[M][0]): Promise<Ops[M][1]> {
    if (this.connection.value !== 'live') {
      const problem = { code: 'offline', message: 'There is no connection to the server.', do: 'It is tried again.' }
      return Promise.reject(new Refusal(this.refused.value ?? problem))
    }
    return this.rpc.call(method, params) as Promise<Ops[M][1]>
  }

  // A provider for one document on this socket.
  provide(name: string, document: Y.Doc, epoch: number) {
    return new DocumentProvider({ name, document, websocketProvider: this.ws, token: `cookie#epoch=${epoch}` })
  }

  destroy() {
    clearInterval(this.ping)
    removeEventListener('online', this.again)
    removeEventListener('offline', this.suspect)
    this.rpc.drop()
    this.presence.destroy()
    this.ws.destroy()
  }

  // The network is back: not at the next of the ever longer waits, but now.
  private again = () => {
    if (this.connection.value === 'offline' || this.connection.value === 'moving') void this.ws.connect()
  }

  // The network is gone, says the browser; the connection may still stand, as to a server on this machine.
  private suspect = async () => {
    if (this.connection.value !== 'live') return
    const dead = setTimeout(this.drop, SUSPECT_MS)
    await this.rpc.call('ping', {}).catch(() => {})
    clearTimeout(dead)
  }

  // Taken for dead. Everybody who listens is told, as if the browser had closed it.
  private drop = () => {
    if (this.connection.value === 'live') this.ws.lose()
  }

  private async measure() {
    if (this.connection.value !== 'live' || this.asked) return
    const began = performance.now()
    const dead = setTimeout(this.drop, SILENT_MS)
    this.asked = true
    try {
      await this.rpc.call('ping', {})
      this.roundTrip.value = Math.max(1, Math.round(performance.now() - began))
    } catch {
      this.roundTrip.value = null
    } finally {
      clearTimeout(dead)
      this.asked = false
    }
  }

  private closed(code: number) {
    this.rpc.drop()
    this.roundTrip.value = null
    const final = FINAL[code]
    if (final) {
      this.ws.disconnect()
      this.refused.value = final
      this.connection.value = 'refused'
    } else if (code === ELSEWHERE) this.connection.value = 'moving'
    else if (this.connection.value !== 'refused') this.connection.value = 'offline'
  }
}
