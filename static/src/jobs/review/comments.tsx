// Comments of a reader on a result: gathered here, sent together; the job hears them and goes on.
import { type Signal, useSignal } from '@preact/signals'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import { review as say } from '../../ui/words/jobs'
import type { ReviewComments, ReviewFile } from '../../wire'
import { visible } from '../detail/log'

export type Remark = ReviewComments['comments'][number]

interface FormProps {
  file: ReviewFile
  line: number | null // from 0; null: none chosen yet
  onAdd: (remark: Remark) => void
  onClose: () => void
}

export function CommentForm({ file, line, onAdd, onClose }: FormProps) {
  const id = useId()
  const number = useSignal(line === null ? '' : String(line + 1))
  const text = useSignal('')
  const box = useRef<HTMLTextAreaElement>(null)
  const last = file.proposed.replace(/\n$/, '').split('\n').length
  useLayoutEffect(() => {
    box.current?.focus()
    box.current?.scrollIntoView?.({ block: 'nearest' })
  }, [])
  const add = (event: Event) => {
    event.preventDefault()
    const said = text.value.trim()
    const at = Number(number.value)
    if (!said) return
    const lines: Pick<Remark, 'lines'> = number.value && at >= 1 && at <= last ? { lines: [at - 1, at] } : {}
    onAdd({ path: file.path, text: said, side: 'proposed', ...lines })
  }
  return (
    <form
      class="review-comment"
      onSubmit={add}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation()
          onClose()
        }
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit()
      }}
    >
      <label for={`${id}-line`}>{say.line}</label>
      <input
        id={`${id}-line`}
        type="number"
        min={1}
        max={last}
        placeholder={say.wholeFile}
        value={number.value}
        onInput={({ currentTarget }) => {
          number.value = currentTarget.value
        }}
      />
      <textarea
        ref={box}
        rows={2}
        maxLength={4000}
        aria-label={say.text}
        placeholder={say.text}
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value
        }}
      />
      <span class="review-comment-acts">
        <button type="button" class="quiet" onClick={onClose}>
          {words.cancel}
        </button>
        <button type="submit" disabled={!text.value.trim()}>
          {say.add}
        </button>
      </span>
    </form>
  )
}

interface PendingProps {
  remarks: Signal<readonly Remark[]>
  sending: boolean
  onSend: () => void
}

/** What is said and not sent yet. */
export function Pending({ remarks, sending, onSend }: PendingProps) {
  const all = remarks.value
  if (!all.length) return null
  return (
    <section class="review-pending" aria-label={say.comments(all.length)}>
      <ul>
        {all.map((one, at) => (
          <li key={`${one.path} ${one.lines?.[0]} ${one.text}`}>
            <code>
              {visible(one.path)}
              {one.lines ? `:${one.lines[0] + 1}` : ''}
            </code>
            <span>{visible(one.text)}</span>
            <button
              type="button"
              class="quiet icon"
              aria-label={say.dropComment}
              title={say.dropComment}
              onClick={() => {
                remarks.value = all.filter((_, n) => n !== at)
              }}
            >
              <Icon name="x" size={14} />
            </button>
          </li>
        ))}
      </ul>
      <p>
        <small class="muted">{say.pending}</small>
        <button type="button" class="primary" disabled={sending} onClick={onSend}>
          {say.send(all.length)}
        </button>
      </p>
    </section>
  )
}
