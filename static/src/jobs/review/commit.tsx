// Whether a merge is a commit as well, and what is not in it.
import type { Signal } from '@preact/signals'
import { review as own } from '../../ui/words/jobs'
import type { Job } from '../../wire'
import { visible } from '../detail/log'

interface Props {
  branch: string // '': there is none to commit on
  message: Signal<string | null>
  job: Job
  left: string
}

/** Whether the merge is a commit as well, and what it says; what it leaves out. */
export function Commit({ branch, message, job, left }: Props) {
  if (!branch && !left) return null
  return (
    <div class="review-commit">
      {branch && (
        <label>
          <input
            type="checkbox"
            checked={message.value !== null}
            onChange={({ currentTarget }) => {
              message.value = currentTarget.checked
                ? visible(job.instruction.trim().split('\n')[0] ?? '').slice(0, 70)
                : null
            }}
          />
          {own.commit(visible(branch))}
        </label>
      )}
      {message.value !== null && (
        <input
          type="text"
          aria-label={own.message}
          value={message.value}
          onInput={({ currentTarget }) => {
            message.value = currentTarget.value
          }}
        />
      )}
      {left && <small class="muted num">{left}</small>}
    </div>
  )
}
