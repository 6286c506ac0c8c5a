// A session's title while it is typed anew: Enter and leaving the field keep it, Esc does not.
import { useLayoutEffect, useRef } from 'preact/hooks'
import { words } from '../../ui/words/library'

export const LONGEST = 120

export function TitleField({ title, done }: { title: string; done: (title: string | null) => void }) {
  const box = useRef<HTMLInputElement>(null)
  const ended = useRef(false)
  useLayoutEffect(() => {
    box.current?.focus()
    box.current?.select()
  }, [])
  const end = (keep: boolean) => {
    if (ended.current) return
    ended.current = true
    const typed = box.current?.value.trim() ?? ''
    done(keep && typed && typed !== title ? typed : null)
  }
  return (
    <input
      ref={box}
      class="title-field"
      aria-label={words.title}
      defaultValue={title}
      maxLength={LONGEST}
      onBlur={() => end(true)}
      onKeyDown={(e) => {
        if (e.key !== 'Enter' && e.key !== 'Escape') return
        e.preventDefault()
        e.stopPropagation()
        end(e.key === 'Enter')
      }}
    />
  )
}
