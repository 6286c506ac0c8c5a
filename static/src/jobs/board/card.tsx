// A job on the board: what it is about, whose it is, how far it is, what it waits for.
import { Avatar } from '../../ui/avatar'
import { words } from '../../ui/words/around'
import { STATE_SIGNS, board as say } from '../../ui/words/jobs'
import type { Job } from '../../wire'
import { openReview } from '../places'
import { Elapsed, Meter, nameOf, phaseOf } from '../row'
import { acts } from '../state'

interface Props {
  job: Job
  focusable: boolean
  onOpen: () => void
  onFocus: () => void
}

export function Card({ job, focusable, onOpen, onFocus }: Props) {
  const can = acts(job)
  const tab = focusable ? 0 : -1
  const working = job.state === 'running' || job.state === 'planning'
  return (
    <li class="card" data-job={job.id} data-state={job.state}>
      <button type="button" class="card-open" tabIndex={tab} onClick={onOpen} onFocus={onFocus}>
        <span class="card-name">
          <i class="card-sign" aria-hidden="true">
            {STATE_SIGNS[job.state]}
          </i>
          <span class="visually-hidden">{words.job.states[job.state]}: </span>
          <b>{nameOf(job)}</b>
        </span>
        <Below job={job} />
        {working && <Meter job={job} />}
        <span class="card-foot num">
          {job.owner && <Avatar person={job.owner} size={16} />}
          <span class="card-by">{job.owner?.name}</span>
          {job.total > 0 && <span>{words.job.progress(job.done, job.total)}</span>}
          {job.failed > 0 && <span class="job-bad">{words.job.failedItems(job.failed)}</span>}
          <span>
            <Elapsed job={job} />
          </span>
        </span>
      </button>
      {can.review && (
        <button
          type="button"
          class="card-review"
          tabIndex={tab}
          title={words.job.reviewLabel(job.added, job.removed)}
          onClick={() => openReview(job.id)}
        >
          {words.job.review(job.added, job.removed).label}{' '}
          {job.added > 0 && <span class="job-plus num">+{job.added}</span>}{' '}
          {job.removed > 0 && <span class="job-minus num">−{job.removed}</span>}
        </button>
      )}
    </li>
  )
}

function Below({ job }: { job: Job }) {
  const text = job.state === 'queued' && typeof job.queue_place === 'number' ? say.place(job.queue_place) : phaseOf(job)
  return text ? <span class="card-phase">{text}</span> : null
}
