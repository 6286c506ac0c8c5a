// What the list of sessions shows: the newest from the open workspace, older ones and searches from the server.
import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { get } from '../../net/http'
import type { Id, Problem, SessionHit } from '../../wire'
import { problemOf, type Sessions } from '../store'

export const CALM_MS = 180

export interface Answer {
  sessions: SessionHit[]
  more: boolean
}
export type Ask = (path: string) => Promise<Answer>

/** `query` and `archived` are set by the view; the rest follows. */
export class Library {
  readonly query = signal('')
  readonly archived = signal(false)
  readonly problem = signal<Problem | null>(null)
  readonly loading = signal(false)
  private readonly found = signal<Answer | null>(null)
  private mine = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly sessions: Sessions,
    private readonly ask: Ask = get<Answer>,
  ) {}

  /** What is found, with what is known of each session now; null while the first answer is awaited. */
  readonly hits: ReadonlySignal<readonly SessionHit[] | null> = computed(() => {
    const archived = this.archived.value
    const searched = this.query.value.trim() !== ''
    const known = new Map(this.sessions.list.value.map((one) => [one.id, one]))
    const found = this.found.value
    if (!found) return null
    const hits = found.sessions.map((hit) => ({ ...hit, session: known.get(hit.session.id) ?? hit.session }))
    if (searched) return hits
    const listed = new Set(hits.map((hit) => hit.session.id))
    const oldest = found.more ? (hits.at(-1)?.session.active_at ?? '') : ''
    const fresh = [...known.values()].filter((one) => !listed.has(one.id) && one.active_at > oldest)
    return [...fresh.map((session) => ({ session, excerpts: [] })), ...hits]
      .filter((hit) => hit.session.archived === archived)
      .sort((a, b) => b.session.active_at.localeCompare(a.session.active_at))
  })
  readonly more: ReadonlySignal<boolean> = computed(() => this.found.value?.more ?? false)

  search(query: string): void {
    this.query.value = query
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.load(), CALM_MS)
  }

  filter(archived: boolean): void {
    this.archived.value = archived
    this.found.value = null
    void this.load()
  }

  load(): Promise<void> {
    return this.fetch('', (answer) => answer)
  }

  next(): Promise<void> {
    const before = this.found.peek()
    const last = before?.sessions.at(-1)?.session.id
    if (!before || !last) return Promise.resolve()
    return this.fetch(last, (answer) => ({ ...answer, sessions: [...before.sessions, ...answer.sessions] }))
  }

  dispose(): void {
    clearTimeout(this.timer)
    this.mine++
  }

  /** Only the newest question's answer counts. */
  private async fetch(before: Id | '', put: (answer: Answer) => Answer): Promise<void> {
    clearTimeout(this.timer)
    const mine = ++this.mine
    const query = this.query.peek().trim()
    const asked = new URLSearchParams({ query })
    if (!query || this.archived.peek()) asked.set('archived', String(this.archived.peek()))
    if (before) asked.set('before', before)
    this.loading.value = true
    try {
      const answer = await this.ask(`/workspaces/${this.sessions.wire.id}/sessions?${asked}`)
      if (mine !== this.mine) return
      this.found.value = put(answer)
      this.problem.value = null
    } catch (error) {
      if (mine === this.mine) this.problem.value = problemOf(error)
    } finally {
      if (mine === this.mine) this.loading.value = false
    }
  }
}
