// What is chosen for the next commit, and its message, while the workspace is open.
import { computed, effect, signal } from '@preact/signals'
import { compare } from '../history/compared'
import { get, post, Refusal } from '../net/http'
import { toast } from '../ui/toast'
import { history, git as words } from '../ui/words/past'
import type { Commit, Problem } from '../wire'
import { git } from '../workspace/files'
import { live } from '../workspace/live'

export const left = signal<ReadonlySet<string>>(new Set()) // files the next commit leaves out
export const message = signal('')
export const busy = signal(false)
export const problem = signal<Problem | null>(null)
export const last = signal<Commit | null>(null)
export const credited = signal<readonly string[] | null>(null) // trailers of the next commit; null: not known yet

export const changes = computed(() => git.value?.changes ?? [])
export const chosen = computed(() => changes.value.map((one) => one.path).filter((path) => !left.value.has(path)))

export function choose(path: string, on: boolean) {
  const next = new Set(left.peek())
  if (on) next.delete(path)
  else next.add(path)
  left.value = next
  credited.value = null
}

export function chooseAll(on: boolean) {
  left.value = new Set(on ? [] : changes.peek().map((one) => one.path))
}

/** `Name` of a trailer `Co-authored-by: Name <address>`. */
export const nameIn = (trailer: string) => /^[^:]+:\s*(.*?)\s*(?:<[^>]*>)?$/.exec(trailer)?.[1] ?? trailer

/** The trailers of a commit message. */
export const trailersOf = (text: string) => text.split('\n').filter((line) => line.startsWith('Co-authored-by:'))

export async function commit(): Promise<void> {
  const now = live.peek()
  const paths = chosen.peek()
  if (!now || busy.peek() || !paths.length || !message.peek().trim()) return
  busy.value = true
  problem.value = null
  try {
    const all = paths.length === changes.peek().length
    const body = { message: message.peek(), paths: all ? null : paths }
    last.value = await post<Commit>(`/workspaces/${now.id}/commits`, body)
    message.value = ''
    left.value = new Set()
    credited.value = null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    problem.value = error.problem
  } finally {
    busy.value = false
  }
}

let asked = 0

/** Who a commit of what is chosen would credit. */
export async function foresee(): Promise<void> {
  const now = live.peek()
  const paths = chosen.peek()
  const mine = ++asked
  if (!now || !paths.length) return
  const answer = await post<{ trailers: string[] }>(`/workspaces/${now.id}/changes/credits`, { paths }).catch(
    () => null,
  )
  if (mine === asked) credited.value = answer?.trailers ?? null
}

interface FileChange {
  path: string
  before: string | null
  after: string | null
}

/** Show a changed file beside the last commit. */
export async function showChange(path: string): Promise<void> {
  const now = live.peek()
  if (!now) return
  try {
    const found = await get<FileChange>(`/workspaces/${now.id}/changes/file?path=${encodeURIComponent(path)}`)
    compare({
      path,
      document: now.documents.tabs.peek().find((doc) => doc.path.peek() === path)?.id ?? null,
      title: words.compare(path.split('/').pop() ?? path),
      labels: [words.head, history.now],
      before: found.before ?? '',
      after: found.after ?? '',
      row: null,
      again: () => showChange(path),
    })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'warn')
  }
}

effect(() => {
  live.value
  left.value = new Set()
  message.value = ''
  problem.value = null
  last.value = null
  credited.value = null
})
