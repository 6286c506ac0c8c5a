// A job in depth, live: who asked whom, its steps, what failed and why, and everything it said.
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { toast } from '../ui/toast'
import { words } from '../ui/words/around'
import type { Event, Job, JobDetail, JobEvent, JobStep, Problem } from '../wire'
import { live } from '../workspace/live'
import { isBusy, tryTo } from './acts'
import { type Line, linesOf, visible } from './log'
import { acts, applyDetail, mayDelegate } from './state'
import { Talk } from './talk'
import { brief } from './time'

const say = words.job
const STEPS_SHOWN = 40
const ASK_AGAIN = 1000 // ms after a job moved
const LINES_SHOWN = 300

interface Loading {
  detail: Signal<JobDetail | null>
  problem: Signal<Problem | null>
  reload: () => void
}

/** The detail of a job, kept live. Steps come only with an answer: it is asked for again when the job says it moved. */
function useDetail(id: string): Loading {
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

export function Detail({ job }: { job: Job }) {
  const { detail, problem, reload } = useDetail(job.id)
  const full = detail.value
  return (
    <section class="job-detail" aria-label={say.show(visible(job.instruction.split('\n')[0] ?? ''))}>
      <About job={full ?? job} />
      <Talk job={job} />
      {job.error && <p class="job-error">{visible(job.error)}</p>}
      {problem.value && <Failure problem={problem.value} retry={reload} />}
      {!full && !problem.value && <Skeleton />}
      {full && <FailedItems job={full} />}
      {full && (
        <div class="job-columns">
          <Steps steps={full.steps} />
          <Log events={full.events} />
        </div>
      )}
    </section>
  )
}

function About({ job }: { job: Job }) {
  const rest = job.instruction.trim().includes('\n')
  const used = job.input_tokens + job.output_tokens
  return (
    <>
      {rest && <p class="job-instruction">{visible(job.instruction.trim())}</p>}
      <ul class="job-about">
        <li>{say.states[job.state]}</li>
        {job.owner && <li>{say.by(job.owner.name)}</li>}
        {job.endpoint && <li>{say.endpoint(job.endpoint, job.builtin)}</li>}
        {job.paths.length > 0 && <li title={job.paths.map(visible).join('\n')}>{say.filesGiven(job.paths.length)}</li>}
        {used > 0 && (
          <li class="num" title={say.tokensHelp(job.input_tokens, job.output_tokens)}>
            {say.tokens(used)}
          </li>
        )}
        {job.cost > 0 && <li class="num">{say.cost(job.cost)}</li>}
        {job.worked_seconds > 60 && !!job.budget.minutes && (
          <li class="num">{say.budget(job.worked_seconds / 60, job.budget.minutes * (job.budget.times ?? 1))}</li>
        )}
      </ul>
    </>
  )
}

function FailedItems({ job }: { job: JobDetail }) {
  const failed = job.steps.filter((step) => step.state === 'failed')
  const home = live.value
  if (!failed.length) return null
  return (
    <div class="job-failed">
      <h3>
        <Icon name="triangle-alert" size={14} /> {say.failedTitle(failed.length)}
        {acts(job).retry && home && mayDelegate(home.role.value) && (
          <button
            type="button"
            class="job-aside"
            disabled={isBusy(job.id, 'retry')}
            onClick={() => tryTo(job.id, 'retry')}
          >
            {say.retryFailed(failed.length)}
          </button>
        )}
      </h3>
      <p class="muted">{say.failedText}</p>
      <dl>
        {failed.slice(0, STEPS_SHOWN).map((step) => (
          <div key={step.position}>
            <dt>{visible(step.name)}</dt>
            <dd>{visible(step.error)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** The steps to show first: all that fit, else from just before the one at work. */
export function windowOf(steps: readonly JobStep[], size: number): readonly JobStep[] {
  if (steps.length <= size) return steps
  const current = steps.findIndex((step) => step.state === 'started' || step.state === 'planned')
  const from = current < 0 ? steps.length - size : Math.min(Math.max(0, current - 5), steps.length - size)
  return steps.slice(from, from + size)
}

function Steps({ steps }: { steps: readonly JobStep[] }) {
  const all = useSignal(false)
  const list = useRef<HTMLOListElement>(null)
  const shown = all.value ? steps : windowOf(steps, STEPS_SHOWN)
  const current = steps.findIndex((step) => step.state === 'started')
  useLayoutEffect(() => {
    const [box, row] = [list.current, list.current?.querySelector<HTMLElement>('[data-state="started"]')]
    if (box && row && !box.matches(':hover')) box.scrollTop = row.offsetTop - box.offsetTop - box.clientHeight / 2
  }, [current])
  return (
    <div class="job-steps">
      <h3>
        {say.stepsTitle} {steps.length > 0 && <span class="faint num">{steps.length}</span>}
      </h3>
      {!steps.length && <p class="muted">{say.noSteps}</p>}
      <ol
        ref={list}
        aria-label={say.stepsTitle}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
      >
        {shown.map((step) => (
          <li key={step.position} data-state={step.state}>
            <span class="job-mark" aria-hidden="true">
              {{ planned: '·', started: '', done: '✓', failed: '✕', unknown: '?' }[step.state]}
            </span>
            <span class="visually-hidden">{say.steps[step.state]}: </span>
            <span class="job-step" title={visible(step.name)}>
              {visible(step.name)}
            </span>
            <small class="num">{step.seconds === null ? '' : brief(step.seconds)}</small>
          </li>
        ))}
      </ol>
      {shown.length < steps.length && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            all.value = true
          }}
        >
          {say.otherSteps(steps.length - shown.length)}
        </button>
      )}
    </div>
  )
}

function copy(lines: readonly Line[]) {
  navigator.clipboard.writeText(lines.map((line) => line.text).join('\n')).then(
    () => toast(words.copied),
    (error: unknown) => toast(problemOf(error).message, 'warn'),
  )
}

function Log({ events }: { events: readonly JobEvent[] }) {
  const all = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const lines = linesOf(events)
  const shown = all.value ? lines : lines.slice(-LINES_SHOWN)
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines.length])
  return (
    <div class="job-says">
      <h3>
        {say.logTitle}
        {lines.length > 0 && (
          <button type="button" class="quiet job-aside" onClick={() => copy(lines)}>
            {say.copyLog}
          </button>
        )}
      </h3>
      {!lines.length && <p class="muted">{say.noLog}</p>}
      {shown.length < lines.length && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            all.value = true
          }}
        >
          {say.earlier(lines.length - shown.length)}
        </button>
      )}
      {lines.length > 0 && (
        <div
          class="job-log"
          ref={box}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          role="log"
          aria-label={say.logTitle}
          onScroll={({ currentTarget: box }) => {
            atEnd.current = box.scrollTop + box.clientHeight > box.scrollHeight - 8
          }}
        >
          {shown.map((line) => (
            <p key={line.id} data-kind={line.kind} data-bad={line.bad || undefined}>
              {line.text}
            </p>
          ))}
        </div>
      )}
    </div>
  )
}
