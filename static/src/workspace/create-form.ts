// The form for a new workspace: which name suggests itself, what is missing, what is sent. No components here.
import { words } from '../ui/words/around'
import type { Me, Workspace } from '../wire'

export type Way = Workspace['source']
export const WAYS: Way[] = ['git', 'local', 'upload', 'sample', 'empty']

export interface Draft {
  way: Way
  name: string
  named: boolean // a person typed the name: suggestions no longer replace it
  url: string
  path: string
  file: { name: string; size: number } | null
}

const ARCHIVE = /\.(zip|tar\.gz|tgz)$/i
const LONGEST_NAME = 120

/** The last part of a URL, path or file name without what tools append to it; '' if nothing of it is left. */
export function suggest(from: string): string {
  const bare = from.trim().split(/[?#]/)[0] ?? ''
  const last =
    bare
      .replace(/[\\/]+$/, '')
      .split(/[\\/:]/)
      .at(-1) ?? ''
  const clean = last.replace(ARCHIVE, '').replace(/\.git$/i, '')
  let name = clean
  try {
    name = decodeURIComponent(clean)
  } catch {
    // a stray % is part of the name
  }
  return name
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .slice(0, LONGEST_NAME)
}

/** The name that stands in the form: the person's, or what the rest of the form suggests. */
export function nameOf(draft: Draft): string {
  if (draft.named) return draft.name
  const from: Record<Way, string> = {
    git: suggest(draft.url),
    local: suggest(draft.path),
    upload: suggest(draft.file?.name ?? ''),
    sample: words.create.sampleName,
    empty: '',
  }
  return from[draft.way]
}

export type Missing = 'name' | 'url' | 'scheme' | 'path' | 'file' | 'type'

/** What keeps the form from being sent, by field; the server looks more closely. */
export function missing(draft: Draft): Missing[] {
  const url = draft.url.trim()
  const ways: Partial<Record<Way, (Missing | false)[]>> = {
    git: [!url && 'url', url !== '' && !cloneable(url) && 'scheme'],
    local: [!draft.path.trim().startsWith('/') && 'path'],
    upload: [!draft.file && 'file', draft.file !== null && !ARCHIVE.test(draft.file.name) && 'type'],
  }
  return [...(ways[draft.way] ?? []), !nameOf(draft).trim() && ('name' as const)].filter((one) => one !== false)
}

// http is for hosts the site's settings name; the server says so of all others.
function cloneable(url: string): boolean {
  return /^https?:\/\/[^/\s]+\/\S*$/i.test(url)
}

export function body(draft: Draft): { name: string; source: Way; origin?: string } {
  const asked = { name: nameOf(draft).trim(), source: draft.way }
  if (draft.way === 'git') return { ...asked, origin: draft.url.trim() }
  return draft.way === 'local' ? { ...asked, origin: draft.path.trim() } : asked
}

export function mayUse(way: Way, me: Me): boolean {
  return way !== 'local' || me.staff
}
