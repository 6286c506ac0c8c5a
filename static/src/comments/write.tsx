// Where a comment is written: plain text, @ offers the members, Mod-Enter sends, Escape leaves.
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Avatar } from '../ui/avatar'
import { comments as words } from '../ui/words/past'
import { keyText } from '../workspace/commands'
import { loadMembers, members } from './state'
import { mentionAt } from './text'

interface Props {
  label: string
  act: string
  start?: string
  focus?: boolean
  send: (text: string) => Promise<boolean>
  cancel?: () => void
}

export function Write({ label, act, start = '', focus = true, send, cancel }: Props) {
  const [text, setText] = useState(start)
  const [busy, setBusy] = useState(false)
  const box = useRef<HTMLTextAreaElement>(null)
  const picker = usePicker(box, text, setText)
  useLayoutEffect(() => {
    if (focus) box.current?.focus()
  }, [])
  useEffect(() => void loadMembers(), []) // whoever has joined meanwhile
  useLayoutEffect(() => {
    const area = box.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight + 2, 200)}px`
  }, [text])
  const submit = async () => {
    if (!text.trim() || busy) return
    setBusy(true)
    const done = await send(text.trim()).finally(() => setBusy(false))
    if (done) setText('')
  }
  const keys = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (picker.keys(event)) return
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.isComposing) void submit()
    else if (event.key === 'Escape' && cancel) cancel()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <form
      class="comment-write"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <textarea
        ref={box}
        rows={2}
        value={text}
        maxLength={8000}
        aria-label={label}
        placeholder={label}
        aria-describedby={picker.open ? picker.id : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value)
          picker.look()
        }}
        onKeyDown={keys}
        onBlur={picker.close}
      />
      {picker.list}
      <footer>
        {cancel && (
          <button type="button" class="quiet" onClick={cancel}>
            {words.cancel}
          </button>
        )}
        <button
          type="submit"
          class="primary"
          disabled={busy || !text.trim()}
          title={text.trim() ? keyText('Mod-Enter') : words.empties}
        >
          {act}
        </button>
      </footer>
    </form>
  )
}

/** The members that fit what is typed after an @. Arrows choose, Enter or Tab takes. */
function usePicker(box: { current: HTMLTextAreaElement | null }, text: string, set: (text: string) => void) {
  const [asked, setAsked] = useState<{ from: number; word: string } | null>(null)
  const [at, setAt] = useState(0)
  const id = useId()
  const fits = (name: string) => name.toLowerCase().startsWith(asked?.word.toLowerCase() ?? '')
  const found = asked ? members.value.filter((one) => !one.you && fits(one.name)).slice(0, 6) : []
  const close = () => setAsked(null)
  const look = () => {
    const area = box.current
    setAsked(area ? mentionAt(area.value, area.selectionStart) : null)
    setAt(0)
  }
  const take = (name: string) => {
    const area = box.current
    if (!asked || !area) return
    const end = asked.from + 1 + asked.word.length
    set(`${text.slice(0, asked.from)}@${name} ${text.slice(end).trimStart()}`)
    close()
    const caret = asked.from + name.length + 2
    requestAnimationFrame(() => {
      area.focus()
      area.setSelectionRange(caret, caret)
    })
  }
  const keys = (event: KeyboardEvent) => {
    const chosen = found[at]
    if (!chosen || event.isComposing) return false
    if (event.key === 'ArrowDown') setAt((at + 1) % found.length)
    else if (event.key === 'ArrowUp') setAt((at + found.length - 1) % found.length)
    else if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === 'Tab') take(chosen.name)
    else if (event.key === 'Escape') close()
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }
  const list = found.length > 0 && (
    <div class="comment-people" id={id} role="listbox" aria-label={words.mention}>
      {found.map((one, n) => (
        <button
          key={one.id}
          type="button"
          role="option"
          tabIndex={-1}
          aria-selected={n === at}
          onMouseDown={(event) => event.preventDefault()}
          onPointerMove={() => setAt(n)}
          onClick={() => take(one.name)}
        >
          <Avatar person={one} size={18} /> {one.name}
        </button>
      ))}
    </div>
  )
  return { id, open: found.length > 0, list, keys, look, close }
}
