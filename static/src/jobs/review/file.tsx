// One changed file of a review: what became of each change, what to look at twice, its difference, comments on its lines.
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import { review as own } from '../../ui/words/jobs'
import type { ReviewFile } from '../../wire'
import { visible } from '../detail/log'
import type { Bar } from './bars'
import { compared, isFlagged, meanwhile } from './changes'
import { type Choice, divisible, isTaken, withHunk } from './chosen'
import { CommentForm, type Remark } from './comments'
import { Diff, type Layout } from './diff'
import { Counts } from './files'
import { Hunks } from './hunks'

const say = words.review

interface Props {
  file: ReviewFile
  layout: Layout
  against: 'base' | 'now'
  deciding: boolean
  commenting: boolean
  choice: Signal<Choice>
  confirmed: Signal<ReadonlySet<string>>
  remarks: Signal<readonly Remark[]>
}

export function File({ file, layout, against, deciding, commenting, choice, confirmed, remarks }: Props) {
  const on = useSignal<string | null>(null)
  const at = useSignal<number | null>(null)
  const line = useSignal<number | null>(null)
  const open = useSignal(false)
  const what = meanwhile(file)
  const cut = file.path.lastIndexOf('/') + 1
  const shown = compared(file, against, deciding ? choice.value : undefined)
  useEffect(() => {
    open.value = false
  }, [file.path])
  const begin = (on: number | null) => {
    line.value = on
    open.value = true
  }
  const canComment = commenting && file.text && against === 'base'
  return (
    <article class="review-file" aria-label={visible(file.path)}>
      <h2>
        <span class="review-full" title={visible(file.path)}>
          <span>{visible(file.path.slice(0, cut))}</span>
          <b>{visible(file.path.slice(cut))}</b>
        </span>
        <Counts file={file} />
        {canComment && (
          <button type="button" class="quiet" title={own.clickLine} onClick={() => begin(null)}>
            <Icon name="message-square-plus" size={14} /> {own.comment}
          </button>
        )}
      </h2>
      {deciding && what !== 'same' && (
        <p class="review-meanwhile" data-what={what}>
          <Icon name="triangle-alert" size={14} /> {what === 'conflict' ? own.conflict(divisible(file)) : say.changed}
        </p>
      )}
      {deciding && <Flags file={file} confirmed={confirmed} />}
      {deciding && <Hunks file={file} against={against} choice={choice} on={on} at={at} />}
      {open.value && canComment && (
        <CommentForm
          key={line.value ?? 'file'}
          file={file}
          line={line.value}
          onAdd={(remark) => {
            remarks.value = [...remarks.peek(), remark]
            open.value = false
          }}
          onClose={() => {
            open.value = false
          }}
        />
      )}
      {shown.base === shown.proposed ? (
        <p class="review-same muted">{sameOf(file)}</p>
      ) : (
        <Diff
          file={shown}
          layout={file.status === 'changed' ? layout : 'unified'}
          at={at}
          {...(canComment && { onLine: begin })}
          {...(deciding && against === 'base' && divisible(file) && barsOf(file, choice, on))}
        />
      )}
    </article>
  )
}

/** Why there is no difference to show. */
function sameOf({ text, status, base, proposed }: ReviewFile): string {
  if (!text) return say.noText
  return status !== 'changed' && !base && !proposed ? say.emptyFile : say.same
}

/** What the difference shows of the choice. */
function barsOf(file: ReviewFile, choice: Signal<Choice>, on: Signal<string | null>) {
  const bars = file.hunks.map(({ id, proposed, state }): Bar => {
    const taken = isTaken(choice.value, file.path, id)
    const dim = !taken && choice.value.chosen.has(file.path)
    return { id, lines: proposed, state, taken, dim, on: on.value === id }
  })
  const onBar = (id: string) => {
    choice.value = withHunk(choice.peek(), file, id, !isTaken(choice.peek(), file.path, id))
    on.value = id
  }
  return { bars, onBar }
}

function Flags({ file, confirmed }: { file: ReviewFile; confirmed: Signal<ReadonlySet<string>> }) {
  if (!file.flags.length) return null
  const toggle = () => {
    const next = new Set(confirmed.peek())
    if (!next.delete(file.path)) next.add(file.path)
    confirmed.value = next
  }
  return (
    <div class="review-flags" role="note">
      {file.flags.map((flag) => (
        <p key={flag}>
          <Icon name="triangle-alert" size={14} /> {own.flags[flag]}
        </p>
      ))}
      {isFlagged(file) && (
        <label>
          <input type="checkbox" checked={confirmed.value.has(file.path)} onChange={toggle} />
          {own.confirm(visible(file.path))}
        </label>
      )}
    </div>
  )
}
