// One job on one line (two where it is narrow): state, instruction and phase, how far, how long, what can be done.
import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { Progress } from '../ui/bar'
import { Icon } from '../ui/icon'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/around'
import { job as own } from '../ui/words/jobs'
import type { Job } from '../wire'
import { live } from '../workspace/live'
import { isBusy, tryTo } from './acts'
import { visible } from './detail/log'
import { openEnded, openJob, openReview } from './places'
import { acts, groupOf, mayDelegate } from './state'
import { giveBack } from './takeover'
import { clock, elapsed, now } from './time'

const say = words.job
const Detail = lazy(() => import('./detail/detail').then((part) => part.Detail))

export function nameOf(job: Job): string {
  return visible(job.instruction.trim().split('\n')[0] ?? '')
}

export function Elapsed({ job }: { job: Job }) {
  const active = groupOf(job.state) === 'active'
  const seconds = active || job.ended_at ? elapsed(job.started_at, job.ended_at, active ? now.value : 0) : null
  return <>{seconds === null ? '' : clock(seconds)}</>
}

/** What stands after the instruction: the phase while it works, the reason when it failed, the state when it rests. */
export function phaseOf(job: Job): string {
  if (job.taken_by && job.state === 'waiting') return own.takenPhase(job.taken_by.name)
  if (job.question) return say.asks(visible(job.question.split('\n')[0] ?? ''))
  if (['planning', 'running', 'waiting'].includes(job.state)) return visible(job.phase)
  if (job.state === 'queued') return job.phase ? visible(job.phase) : say.waiting
  if (job.state === 'failed') return visible(job.error.split('\n')[0] ?? '') || say.states.failed
  return say.states[job.state].toLowerCase()
}

export function Meter({ job }: { job: Job }) {
  const working = job.state === 'running' || job.state === 'planning'
  if (!job.total) return working ? <span class="job-unknown" data-working="true" /> : null
  return <Progress done={job.done} total={job.total} label={say.progress(job.done, job.total)} />
}

function ReviewButton({ job }: { job: Job }) {
  const text = say.review(job.added, job.removed)
  return (
    <button
      type="button"
      class="job-review"
      title={say.reviewLabel(job.added, job.removed)}
      onClick={() => openReview(job.id)}
    >
      {text.label} {job.added > 0 && <span class="job-plus num">{text.added}</span>}{' '}
      {job.removed > 0 && <span class="job-minus num">{text.removed}</span>}
    </button>
  )
}

/** What came of a job that is over. */
function Changed({ job }: { job: Job }) {
  const text = say.review(job.added, job.removed)
  return (
    <small class="job-changed num">
      {text.added} {job.removed > 0 && text.removed}
    </small>
  )
}

function Show({ job }: { job: Job }) {
  const name = nameOf(job)
  return (
    <button
      type="button"
      class="quiet job-act"
      aria-label={acts(job).show ? say.showResult(name) : say.showLabel(name)}
      onClick={() => openEnded(job)}
    >
      {say.look}
    </button>
  )
}

function Middle({ job }: { job: Job }) {
  const can = acts(job)
  if (can.stop) return <Meter job={job} />
  if (can.review) return <ReviewButton job={job} />
  return job.files > 0 ? <Changed job={job} /> : null
}

function Tally({ job }: { job: Job }) {
  const active = groupOf(job.state) === 'active'
  if (!active && job.failed) return <span class="job-bad">{say.failedItems(job.failed)}</span>
  if (job.total) return <>{say.progress(job.done, job.total)}</>
  return <>{job.done ? say.step(job.done) : ''}</>
}

/** What who has taken a job over does when they are done with it. */
export function GiveBack({ job }: { job: Job['id'] }) {
  const sent = useSignal(false)
  const press = async () => {
    sent.value = true
    sent.value = await giveBack(job)
  }
  return (
    <button
      type="button"
      class="job-giveback"
      title={own.givebackWhy}
      disabled={sent.value}
      onClick={() => void press()}
    >
      {own.giveback}
    </button>
  )
}

function Acts({ job }: { job: Job }) {
  const home = live.value
  const can = acts(job)
  const over = !can.stop && !can.review
  if (!home || !mayDelegate(home.role.value)) return over ? <Show job={job} /> : null
  if (job.taken_by && job.taken_by.id === home.me.id) return <GiveBack job={job.id} />
  if (can.stop) {
    const busy = isBusy(job.id, 'cancel')
    return (
      <button
        type="button"
        class="quiet job-act"
        disabled={busy}
        aria-label={say.stopLabel(nameOf(job))}
        onClick={() => tryTo(job.id, 'cancel')}
      >
        {busy ? say.stopping : say.stop}
      </button>
    )
  }
  return (
    <>
      {can.retry && (
        <button
          type="button"
          class="quiet job-act"
          disabled={isBusy(job.id, 'retry')}
          title={job.failed ? say.retryFailed(job.failed) : undefined}
          aria-label={job.failed ? say.retryFailed(job.failed) : say.retryLabel(nameOf(job))}
          onClick={() => tryTo(job.id, 'retry')}
        >
          {words.retry}
        </button>
      )}
      {over && <Show job={job} />}
    </>
  )
}

export function JobRow({ job }: { job: Job }) {
  const open = useSignal(false)
  const id = useId()
  const phase = phaseOf(job)
  const toggle = () => {
    open.value = !open.value
  }
  return (
    <li class="job" data-state={job.state}>
      <div class="job-row">
        <button
          type="button"
          class="job-name"
          aria-expanded={open.value}
          aria-controls={id}
          title={visible(job.instruction)}
          onClick={toggle}
        >
          <Icon name={open.value ? 'chevron-down' : 'chevron-right'} size={14} />
          <span class="job-dot" data-state={job.state} />
          <span class="visually-hidden">{say.states[job.state]}: </span>
          <span class="job-text">
            <span>{nameOf(job)}</span>
            {phase && <span class="job-phase"> · {phase}</span>}
          </span>
        </button>
        <span class="job-middle">
          <Middle job={job} />
        </span>
        <small class="job-tally num">
          <Tally job={job} />
        </small>
        <small class="job-time num">
          <Elapsed job={job} />
        </small>
        <span class="job-acts">
          <Acts job={job} />
        </span>
      </div>
      <div id={id} hidden={!open.value}>
        {open.value && (
          <p class="job-more">
            <button type="button" class="quiet job-link" onClick={() => openJob(job.id)}>
              {own.open}
            </button>
          </p>
        )}
        {open.value && <Detail job={job} />}
      </div>
    </li>
  )
}
