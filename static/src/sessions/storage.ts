// What this tab remembers of sessions over a reload: the one on screen and the drafts. Nothing depends on it.
import type { Id, Mention, Picture } from '../wire'

export interface Draft {
  text: string
  mentions: Mention[]
  pictures: Picture[]
}

export const NO_DRAFT: Draft = { text: '', mentions: [], pictures: [] }

export function remember(key: string, value: string): void {
  try {
    if (value) sessionStorage.setItem(`tandem.${key}`, value)
    else sessionStorage.removeItem(`tandem.${key}`)
  } catch {
    // storage is full or forbidden: it is a comfort only
  }
}

export function recall(key: string): string | null {
  try {
    return sessionStorage.getItem(`tandem.${key}`)
  } catch {
    return null
  }
}

export function keepDraft(workspace: Id, session: Id | null, draft: Draft): void {
  const empty = draft.text === '' && draft.mentions.length === 0 && draft.pictures.length === 0
  remember(`draft.${workspace}.${session ?? 'new'}`, empty ? '' : JSON.stringify(draft))
}

/** What was written for `from` is `to`'s. */
export function moveDraft(workspace: Id, from: Id | null, to: Id | null): void {
  keepDraft(workspace, to, draftOf(workspace, from))
  keepDraft(workspace, from, NO_DRAFT)
}

export function draftOf(workspace: Id, session: Id | null): Draft {
  const kept = recall(`draft.${workspace}.${session ?? 'new'}`)
  if (!kept) return NO_DRAFT
  try {
    const read: Partial<Draft> = JSON.parse(kept)
    const list = <T>(given: T[] | undefined) => (Array.isArray(given) ? given : [])
    return { text: String(read.text ?? ''), mentions: list(read.mentions), pictures: list(read.pictures) }
  } catch {
    return NO_DRAFT
  }
}
