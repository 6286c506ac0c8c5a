// The workspace's files and git state, fetched anew when the host says that they may have changed.
import { computed, effect, signal } from '@preact/signals'
import { del, get, patch, post, Refusal, upload } from '../net/http'
import { toast } from '../ui/toast'
import type { GitStatus, Tree } from '../wire'
import { live } from './live'
import { build } from './tree-model'

export const tree = signal<Tree | null>(null)
export const git = signal<GitStatus | null>(null)
export const treeProblem = signal<Refusal | null>(null)
export const nodes = computed(() => build(tree.value?.entries ?? []))
export const statusOf = computed(() => new Map(git.value?.changes.map((c) => [c.path, c.status])))
const CALM_MS = 150

let timer: ReturnType<typeof setTimeout> | undefined

export async function refresh() {
  const id = live.peek()?.id
  if (!id) return
  try {
    const [files, status] = await Promise.all([
      get<Tree>(`/workspaces/${id}/tree`),
      get<GitStatus>(`/workspaces/${id}/git`).catch(() => null),
    ])
    if (live.peek()?.id !== id) return
    tree.value = files
    if (status) git.value = status
    treeProblem.value = null
  } catch (error) {
    if (error instanceof Refusal) treeProblem.value = error
    else throw error
  }
}

effect(() => {
  const now = live.value
  tree.value = null
  git.value = null
  if (!now) return
  void refresh()
  return now.on((event) => {
    if (event.type !== 'files.changed' && event.type !== 'document.disk') return
    clearTimeout(timer)
    timer = setTimeout(refresh, CALM_MS)
  })
})

// The acts. Each says by itself what went wrong.
async function act(run: (base: string) => Promise<unknown>): Promise<boolean> {
  try {
    await run(`/workspaces/${live.peek()?.id}/files`)
    await refresh()
    return true
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'bad')
    return false
  }
}

export const make = (path: string, kind: 'file' | 'folder') => act((base) => post(base, { path, kind }))
export const remove = (path: string) => act((base) => del(`${base}?path=${encodeURIComponent(path)}`))
export const move = (path: string, to: string) =>
  act(async (base) => {
    await patch(base, { path, to })
    live.peek()?.documents.renamed(path, to)
  })

export function send(folder: string, files: Iterable<File>) {
  return act(async (base) => {
    for (const file of files) {
      const form = new FormData()
      form.set('folder', folder)
      form.set('file', file)
      await upload(`${base}/upload`, form)
    }
  })
}

export async function openFile(path: string, line?: number) {
  try {
    await live.peek()?.documents.open(path, line === undefined ? {} : { line })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'warn')
  }
}
