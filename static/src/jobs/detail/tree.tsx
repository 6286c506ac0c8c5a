// The sub-agents of a job, each with its state; the workspace's newest word of each is shown.
import { Progress } from '../../ui/bar'
import { words } from '../../ui/words/around'
import { STATE_SIGNS, job as say } from '../../ui/words/jobs'
import type { JobChild } from '../../wire'
import { openJob } from '../places'
import { jobs } from '../state'
import { visible } from './log'

export function Tree({ parts }: { parts: readonly JobChild[] }) {
  if (!parts.length) return null
  return (
    <section class="job-tree" aria-label={say.children}>
      <h3>
        {say.children} <span class="faint num">{parts.length}</span>
      </h3>
      <ul>
        {parts.map((known) => {
          const part = { ...known, ...jobs.value.get(known.id) }
          return (
            <li key={part.id} data-state={part.state}>
              <i class="card-sign" aria-hidden="true">
                {STATE_SIGNS[part.state]}
              </i>
              <span>
                <button type="button" class="quiet job-link" onClick={() => openJob(part.id)}>
                  {visible(part.instruction.trim().split('\n')[0] ?? '')}
                </button>{' '}
                <small class="muted">
                  {words.job.states[part.state]}
                  {part.phase && part.state === 'running' && ` · ${visible(part.phase)}`}
                  {part.error && ` · ${visible(part.error.split('\n')[0] ?? '')}`}
                </small>
              </span>
              {part.total > 0 && (
                <Progress done={part.done} total={part.total} label={words.job.progress(part.done, part.total)} />
              )}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
