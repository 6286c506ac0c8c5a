// The list of what can be mentioned: arrows and Enter choose, typing narrows, Esc closes.
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { words } from '../ui/words/sessions'
import type { Choice } from './mentions'

interface Props {
  list: Choice[]
  choose: (choice: Choice) => void
  close: () => void
}

export function MentionList({ list, choose, close }: Props) {
  const [at, setAt] = useState(0)
  const [filter, setFilter] = useState('')
  const box = useRef<HTMLDivElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const shown = list.filter((one) => one.label.toLowerCase().includes(filter.toLowerCase()))
  useEffect(() => {
    input.current?.focus()
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) close()
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [close])
  const keys = (event: TargetedKeyboardEvent<HTMLInputElement>) => {
    const chosen = shown[at]
    if (event.key === 'Escape') close()
    else if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(shown.length, 1))
    else if (event.key === 'ArrowUp') setAt((at + shown.length - 1) % Math.max(shown.length, 1))
    else if (event.key === 'Enter' && chosen) choose(chosen)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div class="mention-list" ref={box}>
      <input
        ref={input}
        role="combobox"
        aria-expanded="true"
        aria-controls="mention-options"
        aria-activedescendant={shown[at] ? `mention-${at}` : undefined}
        aria-label={words.mention}
        placeholder={words.mention}
        value={filter}
        onKeyDown={keys}
        onInput={(event) => {
          setFilter(event.currentTarget.value)
          setAt(0)
        }}
      />
      <div role="listbox" id="mention-options" aria-label={words.mention}>
        {shown.map((choice, n) => (
          <button
            type="button"
            role="option"
            tabIndex={-1}
            id={`mention-${n}`}
            aria-selected={n === at}
            onPointerMove={() => setAt(n)}
            onClick={() => choose(choice)}
          >
            <span>{choice.label}</span> <small>{choice.hint}</small>
          </button>
        ))}
        {shown.length === 0 && <p>{words.noMentions}</p>}
      </div>
    </div>
  )
}
