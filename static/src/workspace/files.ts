// The workspace's files and git state, fetched anew when the host says that they may have changed.
import { computed, effect, signal } from '@preact/signals'
import { endComparison } from '../history/compared'
import { del, get, patch, post, Refusal, upload } from '../net/http'
import { toast } from '../ui/toast'
import type { GitStatus, Tree } from '../wire'
import { narrow, pane } from './layout'
import { live } from './live'
import { toFiles } from './route'
import { build } from './tree-model'

export const tree = signal<Tree | null>(null)
export const git = signal<GitStatus | null>(null)
export const treeProblem = signal<Refusal | null>(null)
export const nodes = computed(() => build(tree.value?.entries ?? []))
export const statusOf = computed(() => new Map(git.value?.changes.map((c) => [c.path, c.status])))
const CALM_MS = 150

const GIT_CALM_MS = 1000 // every second of typing saves a file

let treeTimer: ReturnType<typeof setTimeout> | undefined
let gitTimer: ReturnType<typeof setTimeout> | undefined
let asked = 0

export async function refresh() {
  await Promise.all([refreshTree(), refreshGit()])
}

async function refreshTree() {
  const now = live.peek()
  const mine = ++asked
  if (!now) return
  try {
    const found = await get<Tree>(`/workspaces/${now.id}/tree`)
    if (mine !== asked || live.peek() !== now) return
    tree.value = found
    treeProblem.value = null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (mine === asked) treeProblem.value = error
  }
}

async function refreshGit() {
  const now = live.peek()
  clearTimeout(gitTimer)
  gitTimer = undefined
  if (!now) return
  const found = await get<GitStatus>(`/workspaces/${now.id}/git`).catch(() => null)
  if (found && live.peek() === now) git.value = found
}

effect(() => {
  const now = live.value
  tree.value = null
  git.value = null
  treeProblem.value = null
  if (!now) return
  // Anew after every connection: what changed meanwhile was not told.
  const stop = effect(() => {
    if (now.connection.value === 'live' || !tree.peek()) void refresh()
  })
  const off = now.on((event) => {
    if (event.type === 'files.changed') {
      clearTimeout(treeTimer)
      treeTimer = setTimeout(refresh, CALM_MS)
    } else if (event.type === 'files.saved') gitTimer ??= setTimeout(refreshGit, GIT_CALM_MS)
  })
  return () => {
    stop()
    off()
    clearTimeout(treeTimer)
    clearTimeout(gitTimer)
    gitTimer = undefined
  }
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
export const move = (path: string, to: string) => act((base) => patch(base, { path, to }))

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
  endComparison()
  toFiles()
  try {
    await live.peek()?.documents.open(path, line === undefined ? {} : { line })
    if (narrow.peek()) pane.value = 'main'
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'warn')
  }
}
