// A job in depth, live: who asked whom, its steps, what failed and why, and everything it said.
import './detail.css'
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { get } from '../../net/http'
import { problemOf } from '../../net/problem'
import { Failure } from '../../ui/failure'
import { Skeleton } from '../../ui/skeleton'
import { words } from '../../ui/words/around'
import type { Event, Job, JobDetail, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { applyDetail } from '../state'
import { About, Proof } from './about'
import { visible } from './log'
import { Log } from './log-view'
import { Plan } from './plan'
import { FailedItems, Steps } from './steps'
import { Talk } from './talk'
import { Tree } from './tree'
import { Watch } from './watch'

const say = words.job
const ASK_AGAIN = 1000 // ms after a job moved

interface Loading {
  detail: Signal<JobDetail | null>
  problem: Signal<Problem | null>
  reload: () => void
}

/** The detail of a job, kept live. Steps come only with an answer: it is asked for again when the job says it moved. */
export function useDetail(id: string): Loading {
  const detail = useSignal<JobDetail | null>(null)
  const problem = useSignal<Problem | null>(null)
  const round = useSignal(0)
  const reload = () => {
    round.value += 1
  }
  useSignalEffect(() => {
    void round.value
    void live.value?.snapshot.value
    let gone = false
    let early: Event[] | null = [] // events that arrive before the answer they belong on top of
    let later: ReturnType<typeof setTimeout> | undefined
    const stop = live.value?.on((event) => {
      if (event.type === 'job' && event.job.id === id) later ??= setTimeout(reload, ASK_AGAIN)
      if (early) early.push(event)
      else if (detail.peek()) detail.value = applyDetail(detail.peek() as JobDetail, event)
    })
    get<JobDetail>(`/jobs/${id}`).then(
      (answer) => {
        if (gone) return
        detail.value = (early ?? []).reduce(applyDetail, answer)
        problem.value = null
        early = null
      },
      (error: unknown) => {
        if (!gone) problem.value = problemOf(error)
      },
    )
    return () => {
      gone = true
      clearTimeout(later)
      stop?.()
    }
  })
  return { detail, problem, reload }
}

/** What is known of a job: in a row of a list, or the whole editor area wide. */
export function Detail({ job, wide = false }: { job: Job; wide?: boolean }) {
  const { detail, problem, reload } = useDetail(job.id)
  const full = detail.value
  return (
    <section
      class="job-detail"
      data-wide={wide || undefined}
      aria-label={say.show(visible(job.instruction.split('\n')[0] ?? ''))}
    >
      <About job={full ?? job} events={full?.events ?? []} wide={wide} />
      <Talk job={job} />
      {job.error && <p class="job-error">{visible(job.error)}</p>}
      {full && <Proof events={full.events} />}
      {problem.value && <Failure problem={problem.value} retry={reload} />}
      {!full && !problem.value && <Skeleton />}
      {full && <Plan job={full} />}
      {full && <Tree parts={full.children ?? []} />}
      {full && <FailedItems job={full} />}
      {full && (
        <div class="job-columns">
          <div>
            <Steps job={full} />
            {wide && <Watch job={full} />}
          </div>
          <Log events={full.events} />
        </div>
      )}
    </section>
  )
}
