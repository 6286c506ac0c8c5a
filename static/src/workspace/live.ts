// Live: the workspace this tab is in, joined to its host. Everything shared hangs on it.
import { effect, signal } from '@preact/signals'
import { Documents } from '../documents/documents'
import { pump } from '../documents/pump'
import { get, Refusal } from '../net/http'
import { Socket } from '../net/socket'
import { toast } from '../ui/toast'
import type { AwarenessState, Event, Me, Models, Ops, Person, Role, Workspace } from '../wire'
import { keepTabs } from './kept-tabs'
import { here } from './sign-out'

export interface Notice {
  at: Date
  document: string
  tone: 'info' | 'warn' | 'bad'
  text: string
}
export interface Presence extends Person {
  client: number
  path: string | null
}

export class Live {
  readonly role = signal<Role>('viewer')
  readonly people = signal<Person[]>([])
  readonly models = signal<Models | null>(null)
  readonly snapshot = signal<Ops['workspace.open'][1] | null>(null)
  readonly notices = signal<Notice[]>([])
  readonly presence = signal<Presence[]>([])
  readonly workspace = signal<Workspace | null>(null)
  readonly documents: Documents
  private socket: Socket
  private listeners = new Set<(event: Event) => void>()

  constructor(
    readonly id: string,
    readonly me: Me,
    workspace: Workspace,
  ) {
    this.workspace.value = workspace
    this.role.value = workspace.role
    this.socket = new Socket(
      id,
      (event) => pump.after(() => this.take(event)),
      () => void this.join(),
    )
    this.documents = new Documents(this, this.socket)
    this.socket.presence.awareness?.on('change', () => this.seen())
  }

  get connection() {
    return this.socket.connection
  }
  get refused() {
    return this.socket.refused
  }
  get roundTrip() {
    return this.socket.roundTrip
  }

  call<M extends keyof Ops>(method: M, params: Ops[M][0]): Promise<Ops[M][1]> {
    return this.socket.call(method, params)
  }

  on(fn: (event: Event) => void): () => void {
    this.listeners.add(fn)
    return () => this.listeners.delete(fn)
  }

  // Leaves at once, or when what was typed here is saved: the connection may be away just now.
  async destroy() {
    leaving.value = [...leaving.peek(), this]
    if (!this.refused.peek()) await this.documents.saved()
    leaving.value = leaving.peek().filter((other) => other !== this)
    this.documents.destroy()
    this.socket.destroy()
  }

  private async join() {
    try {
      const snapshot = await this.call('workspace.open', {})
      await new Promise<void>((done) => pump.after(done)) // behind the events that came before it
      this.role.value = snapshot.role
      this.people.value = snapshot.people
      this.models.value = snapshot.models
      this.snapshot.value = snapshot
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (this.connection.value === 'live') toast(`${error.problem.message} ${error.problem.do}`, 'bad')
    }
  }

  private take(event: Event) {
    if (event.type === 'people') this.people.value = event.people
    if (event.type === 'models') void this.askModels()
    if (event.type === 'role' && event.role) this.role.value = event.role
    if (event.type === 'document.notice') this.note(event)
    this.documents.take(event)
    for (const listener of this.listeners) listener(event)
  }

  /** What the model picker offers, read again. It keeps what it has where the server cannot be asked. */
  async askModels(): Promise<void> {
    this.models.value = await get<Models>(`/workspaces/${this.id}/models`).catch(() => this.models.peek())
  }

  private note({ document, tone, text }: Extract<Event, { type: 'document.notice' }>) {
    const here = this.documents.byId(document) // who does not have it open is not interrupted
    if (tone !== 'info' && here) toast(`${here.path.value}: ${text}`, tone)
    this.notices.value = [{ at: new Date(), document, tone, text }, ...this.notices.value].slice(0, 100)
  }

  private seen() {
    const states = this.socket.presence.awareness?.getStates() as Map<number, AwarenessState>
    const found: Presence[] = []
    for (const [client, state] of states)
      if (state.person) found.push({ ...state.person, client, path: state.path ?? null })
    this.presence.value = found
  }
}

export const live = signal<Live | null>(null)
const leaving = signal<Live[]>([]) // left, with edits that are not saved yet
export const opening = signal<{ workspace: Workspace | null; error: Refusal | null }>({ workspace: null, error: null })
const POLL_MS = 700

// Enter a workspace: waits while it is being made, then joins its host. Returns how to leave.
export function enter(id: string, me: Me): () => void {
  let left = false
  let joined: Live | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let forget: (() => void) | undefined
  const join = (workspace: Workspace) => {
    live.value = joined = new Live(id, me, workspace)
    void keepTabs(id, joined.documents).then((stop) => (left ? stop() : (forget = stop)))
  }
  const look = async () => {
    try {
      const workspace = await get<Workspace>(`/workspaces/${id}`)
      if (left) return
      opening.value = { workspace, error: null }
      if (workspace.state === 'creating') timer = setTimeout(look, POLL_MS)
      else if (workspace.state === 'ready') join(workspace)
    } catch (error) {
      if (error instanceof Refusal && !left) opening.value = { workspace: null, error }
    }
  }
  opening.value = { workspace: null, error: null }
  void look()
  return () => {
    left = true
    clearTimeout(timer)
    forget?.()
    live.value = null
    void joined?.destroy()
  }
}

effect(() => {
  here.value = live.value?.documents ?? null
})

// While something is kept nowhere but in this page, closing the tab asks first.
effect(() => {
  const here = [...leaving.value, ...(live.value ? [live.value] : [])]
  const dirty = here.some((one) => one.documents.nowhere)
  window.onbeforeunload = dirty ? (event: BeforeUnloadEvent) => event.preventDefault() : null
})
