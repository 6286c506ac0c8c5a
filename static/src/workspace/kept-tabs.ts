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

// Opens them again, then keeps the list. What is gone or cannot be opened any more is left out without a word.
export async function keepTabs(workspace: string, documents: Documents): Promise<() => void> {
  const { paths, active } = kept(workspace)
  for (const path of paths) await open(documents, path)
  const shown = documents.tabs.peek().find((doc) => doc.path.peek() === active)
  if (shown) documents.show(shown)
  return effect(() => {
    const list = documents.tabs.value.map((doc) => doc.path.value)
    const now: Kept = { paths: list, active: documents.active.value?.path.value ?? null }
    localStorage.setItem(key(workspace), JSON.stringify(now))
  })
}

async function open(documents: Documents, path: string) {
  try {
    await documents.open(path, { focus: false })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
}
