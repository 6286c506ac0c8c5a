// The models of the workspace that is open: what the server lists, and every act on it.
import { signal } from '@preact/signals'
import { del, get, patch, post, put } from '../net/http'
import { problemOf } from '../net/problem'
import type { EndpointSettings, ModelRole, ModelScope, ModelSettings, Problem, RoleName, Trial } from '../wire'
import type { Live } from '../workspace/live'
import { bodyOf, type Draft, draftOf, type Entry, entriesOf } from './draft'

export class Settings {
  readonly all = signal<ModelSettings | null>(null)
  readonly problem = signal<Problem | null>(null)
  readonly tried = signal<ReadonlySet<number>>(new Set()) // answered a test since the screen was opened

  constructor(private readonly live: Live) {}

  async load(): Promise<void> {
    try {
      this.all.value = await get<ModelSettings>(`${this.root}/endpoints`)
      this.problem.value = null
    } catch (error) {
      this.problem.value = problemOf(error)
    }
  }

  /** Throws what the server refuses; then nothing has changed. */
  async save(draft: Draft): Promise<void> {
    const made = draft.id === null
    const row = made
      ? await post<EndpointSettings>(`${this.root}/endpoints`, bodyOf(draft))
      : await patch<EndpointSettings>(`/endpoints/${draft.id}`, bodyOf(draft))
    const { scope } = draft
    if (made && scope !== 'person') await this.useFirst(row.id, scope, draft.roles)
    await this.changed()
  }

  switch(row: EndpointSettings): Promise<void> {
    return this.save({ ...draftOf(row), key: null, enabled: !row.enabled })
  }

  async remove(row: EndpointSettings): Promise<void> {
    await del(`/endpoints/${row.id}`)
    await this.changed()
  }

  async test(row: EndpointSettings, signal: AbortSignal): Promise<Trial> {
    const trial = await post<Trial>(`/endpoints/${row.id}/test`, {}, signal)
    this.tried.value = new Set([...this.tried.peek(), row.id])
    return trial
  }

  async probe(row: EndpointSettings, signal: AbortSignal): Promise<void> {
    await post(`/endpoints/${row.id}/probe`, {}, signal)
    await this.changed()
  }

  /** Shown at once; what the server refuses is taken back, and thrown. */
  async assign(role: RoleName, scope: ModelRole['scope'], endpoints: Entry[]): Promise<void> {
    const before = this.all.peek()?.roles ?? []
    const others = before.filter((one) => one.role !== role || one.scope !== scope)
    this.show([...others, ...endpoints.map((entry) => ({ role, scope, ...entry }))])
    try {
      this.show(await put<ModelRole[]>(`${this.root}/model-roles`, { role, scope, endpoints }))
    } catch (error) {
      this.show(before)
      throw error
    }
    await this.live.askModels()
  }

  private show(roles: ModelRole[]) {
    if (this.all.value) this.all.value = { ...this.all.value, roles }
  }

  private async useFirst(endpoint: number, scope: ModelRole['scope'], roles: RoleName[]): Promise<void> {
    try {
      for (const role of roles) {
        const rest = entriesOf(this.all.peek()?.roles ?? [], role, scope)
        await this.assign(role, scope, [{ endpoint, fall_over: false }, ...rest])
      }
    } catch (error) {
      this.problem.value = problemOf(error) // the model is saved all the same
    }
  }

  private async changed(): Promise<void> {
    await Promise.all([this.load(), this.live.askModels()])
  }

  private get root() {
    return `/workspaces/${this.live.id}`
  }
}

/** What was typed and not yet saved, by model (0: a new one). Outlives the dialog, never the page: it may hold a key. */
export const drafts = new Map<string, Draft>()
export const draftKey = (live: Live, id: number | null) => `${live.id}.${id ?? 0}`

export const byScope = (rows: EndpointSettings[], scope: ModelScope) => rows.filter((row) => row.scope === scope)
