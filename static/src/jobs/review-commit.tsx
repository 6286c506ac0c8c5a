// Whether a merge is a commit as well.
import type { Signal } from '@preact/signals'
import { review as own } from '../ui/words/jobs'
import type { Job } from '../wire'
import { visible } from './log'

/** Whether the merge is a commit as well, and what it says. */
export function Commit({ branch, message, job }: { branch: string; message: Signal<string | null>; job: Job }) {
  return (
    <div class="review-commit">
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
    </div>
  )
}
