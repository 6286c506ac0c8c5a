// The files that were open come back after a reload, per workspace and browser. A first visit begins with the README.
import { effect } from '@preact/signals'
import type { Documents } from '../documents/documents'
import { Refusal } from '../net/http'

interface Kept {
  paths: string[]
  active: string | null
}
const FIRST: Kept = { paths: ['README.md'], active: 'README.md' }
const key = (workspace: string) => `tandem.tabs.${workspace}`

export function kept(workspace: string): Kept {
  try {
    const found = JSON.parse(localStorage.getItem(key(workspace)) ?? 'null') as Kept | null
    return found && Array.isArray(found.paths) ? found : FIRST
  } catch {
    return FIRST
  }
}

// Opens them again, then keeps the list. What is gone or cannot be opened any more is left out
// without a word; what only has no connection stays in the list.
export async function keepTabs(workspace: string, documents: Documents): Promise<() => void> {
  const { paths, active } = kept(workspace)
  const away: string[] = []
  for (const path of paths) if (!(await open(documents, path))) away.push(path)
  const shown = documents.tabs.peek().find((doc) => doc.path.peek() === active)
  if (shown) documents.show(shown)
  return effect(() => {
    const list = documents.tabs.value.map((doc) => doc.path.value)
    const later = away.filter((path) => !list.includes(path))
    const now: Kept = { paths: [...list, ...later], active: documents.active.value?.path.value ?? null }
    localStorage.setItem(key(workspace), JSON.stringify(now))
  })
}

// False if there is no connection to open it with.
async function open(documents: Documents, path: string): Promise<boolean> {
  try {
    await documents.open(path, { focus: false })
    return true
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.problem.code !== 'unreachable'
  }
}
