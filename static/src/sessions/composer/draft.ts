// What is written and not sent yet, kept over a reload.
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Id, Mention, Picture } from '../../wire'
import { sameMention, wordOf } from '../attachments/mentions'
import { draftOf, keepDraft, NO_DRAFT } from '../storage'

export function useDraft(workspace: Id, session: Id | null) {
  const [draft, set] = useState(() => draftOf(workspace, session))
  const kept = useRef(session)
  useEffect(() => {
    if (kept.current !== session) keepDraft(workspace, kept.current, NO_DRAFT) // the session awaited has come
    kept.current = session
    keepDraft(workspace, session, draft)
  }, [workspace, session, draft])
  return {
    ...draft,
    write: (text: string) => set((was) => ({ ...was, text })),
    mention: (one: Mention) =>
      set((was) => ({ ...was, mentions: [...was.mentions.filter((m) => !sameMention(m, one)), one] })),
    /** Its word in the text goes with it. */
    unmention: (one: Mention) =>
      set((was) => ({
        ...was,
        text: without(was.text, wordOf(one)),
        mentions: was.mentions.filter((m) => m !== one),
      })),
    show: (one: Picture) => set((was) => ({ ...was, pictures: [...was.pictures, one] })),
    hide: (one: Picture) => set((was) => ({ ...was, pictures: was.pictures.filter((p) => p !== one) })),
    /** `all`: what is mentioned and shown goes too. */
    clear: (all: boolean) => set((was) => ({ ...was, text: '', ...(all ? { mentions: [], pictures: [] } : {}) })),
  }
}

function without(text: string, word: string): string {
  const at = `${text} `.indexOf(`${word} `)
  return at < 0 ? text : text.slice(0, at) + text.slice(at + word.length + 1)
}

export type DraftNow = ReturnType<typeof useDraft>
