// One job, the whole editor area wide: what may be done with it in the header, everything known of it below.
import './board/board.css'
import './jobs.css'
import { useSignal, useSignalEffect } from '@preact/signals'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/around'
import { job as say } from '../ui/words/jobs'
import type { Id, Job, Problem } from '../wire'
import { live } from '../workspace/live'
import { isBusy, tryTo } from './acts'
import { Detail } from './detail/detail'
import { visible } from './detail/log'
import { openBoard, openReview } from './places'
import { GiveBack, Meter, nameOf } from './row'
import { acts, groupOf, jobs, mayDelegate, put } from './state'
import { laidOut, show, takeOver } from './takeover'

export function JobScreen({ job: id }: { job: Id }) {
  const problem = useSignal<Problem | null>(null)
  const job = jobs.value.get(id)
  useSignalEffect(() => {
    if (!live.value?.snapshot.value || jobs.peek().has(id)) return
    get<Job>(`/jobs/${id}`).then(
      (found) => {
        if (!jobs.peek().has(id)) jobs.value = put(jobs.peek(), found)
      },
      (error: unknown) => {
        problem.value = problemOf(error)
      },
    )
  })
  return (
    <section class="job-screen" aria-label={job ? nameOf(job) : words.job.title}>
      <header class="job-head">
        <button type="button" class="quiet icon" aria-label={say.back} title={say.back} onClick={openBoard}>
          <Icon name="arrow-left" size={16} />
        </button>
        <h1 title={job && visible(job.instruction)}>
          {job ? nameOf(job) : problem.value ? say.missing : words.job.title}
        </h1>
        {job && groupOf(job.state) === 'active' && <Meter job={job} />}
        {job && <Acts job={job} />}
      </header>
      {!job && !problem.value && <Skeleton />}
      {!job && problem.value && <Failure problem={problem.value} />}
      {job && <Detail job={job} wide />}
    </section>
  )
}

function Acts({ job }: { job: Job }) {
  const home = live.value
  const can = acts(job)
  if (!home || !mayDelegate(home.role.value)) return <Result job={job} />
  const mine = job.taken_by?.id === home.me.id
  return (
    <span class="job-head-acts">
      {job.taken_by && <small class="muted">{mine ? say.takenByYou : say.takenBy(job.taken_by.name)}</small>}
      {mine && laidOut(job.id).length > 0 && (
        <button type="button" onClick={() => show(job.id)}>
          {say.toWork}
        </button>
      )}
      {mine && <GiveBack job={job.id} />}
      {!job.taken_by && can.stop && job.kind === 'agent' && (
        <button type="button" title={say.takeoverWhy} onClick={() => void takeOver(job.id)}>
          {say.takeover}
        </button>
      )}
      {can.retry && (
        <button type="button" disabled={isBusy(job.id, 'retry')} onClick={() => tryTo(job.id, 'retry')}>
          {job.failed ? words.job.retryFailed(job.failed) : words.retry}
        </button>
      )}
      {can.stop && (
        <button
          type="button"
          disabled={isBusy(job.id, 'cancel')}
          aria-label={words.job.stopLabel(nameOf(job))}
          onClick={() => tryTo(job.id, 'cancel')}
        >
          {isBusy(job.id, 'cancel') ? words.job.stopping : words.job.stop}
        </button>
      )}
      <Result job={job} />
    </span>
  )
}

/** To its result: to be decided on, or looked at where that is done. */
function Result({ job }: { job: Job }) {
  const can = acts(job)
  if (can.show) {
    return (
      <button type="button" onClick={() => openReview(job.id)}>
        {words.job.result}
      </button>
    )
  }
  if (!can.review) return null
  return (
    <button
      type="button"
      class="primary"
      title={words.job.reviewLabel(job.added, job.removed)}
      onClick={() => openReview(job.id)}
    >
      {words.job.review(job.added, job.removed).label}
    </button>
  )
}
