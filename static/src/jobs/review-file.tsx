// One changed file of a review: what became of each change, what to look at twice, its difference, comments on its lines.
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Icon } from '../ui/icon'
import { words } from '../ui/words/around'
import { review as own } from '../ui/words/jobs'
import type { ReviewFile } from '../wire'
import { compared, isFlagged, meanwhile } from './changes'
import { CommentForm, type Remark } from './comments'
import { Diff, type Layout } from './diff'
import { visible } from './log'
import { Counts } from './review-files'

const say = words.review

interface Props {
  file: ReviewFile
  layout: Layout
  against: 'base' | 'now'
  deciding: boolean
  commenting: boolean
  confirmed: Signal<ReadonlySet<string>>
  remarks: Signal<readonly Remark[]>
}

export function File({ file, layout, against, deciding, commenting, confirmed, remarks }: Props) {
  const at = useSignal<number | null>(null)
  const line = useSignal<number | null>(null)
  const open = useSignal(false)
  const what = meanwhile(file)
  const shown = compared(file, against)
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
        <span class="review-full">{visible(file.path)}</span>
        <Counts file={file} />
        {canComment && (
          <button type="button" class="quiet" title={own.clickLine} onClick={() => begin(null)}>
            <Icon name="message-square-plus" size={14} /> {own.comment}
          </button>
        )}
      </h2>
      {deciding && what !== 'same' && (
        <p class="review-meanwhile" data-what={what}>
          <Icon name="triangle-alert" size={14} /> {what === 'conflict' ? say.conflict : say.changed}
        </p>
      )}
      {deciding && <Flags file={file} confirmed={confirmed} />}
      {deciding && <Hunks file={file} against={against} at={at} />}
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
        <p class="review-same muted">{say.same}</p>
      ) : (
        <Diff
          file={shown}
          layout={file.status === 'changed' ? layout : 'unified'}
          at={at}
          {...(canComment && { onLine: begin })}
        />
      )}
    </article>
  )
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

/** The changes of a file, each with what became of its lines meanwhile; a click shows it. */
function Hunks({ file, against, at }: { file: ReviewFile; against: 'base' | 'now'; at: Signal<number | null> }) {
  const { hunks } = file
  const stale = hunks.filter((hunk) => hunk.state === 'stale').length
  if (hunks.length < 2 && !stale) return null
  return (
    <div class="review-hunks">
      {stale > 0 && <p class="bad">{own.stale(stale)}</p>}
      <ul aria-label={own.hunkTitle}>
        {hunks.map((hunk) => {
          const [from, to] = against === 'base' ? hunk.proposed : hunk.current
          return (
            <li key={hunk.id}>
              <button
                type="button"
                data-state={hunk.state}
                onClick={() => {
                  at.value = null
                  at.value = from
                }}
              >
                <span class="num">{own.hunk(from, to)}</span> {own.states[hunk.state]}
              </button>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
