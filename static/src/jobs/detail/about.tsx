// What a job is and how it stands: who, with what, how long, what it used of its budget; the proof that it has stopped.
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import { board, job as own } from '../../ui/words/jobs'
import type { Job, JobEvent } from '../../wire'
import { openJob } from '../places'
import { groupOf } from '../state'
import { clock, elapsed, now } from '../time'
import { visible } from './log'

const say = words.job
const LONG = 100 // characters; the title of the screen has the others

export function About({ job, events, wide }: { job: Job; events: readonly JobEvent[]; wide: boolean }) {
  const said = job.instruction.trim()
  const rest = said.includes('\n') || (wide && said.length > LONG)
  const used = job.input_tokens + job.output_tokens
  return (
    <>
      {rest && <p class="job-instruction">{visible(said)}</p>}
      <ul class="job-about" aria-label={own.facts}>
        <li data-state={job.state}>{say.states[job.state]}</li>
        {job.phase && job.phase !== say.states[job.state].toLowerCase() && <li>{visible(job.phase)}</li>}
        <Tool events={events} job={job} />
        <Time job={job} />
        {job.owner && <li>{say.by(job.owner.name)}</li>}
        {job.endpoint && <li>{say.endpoint(job.endpoint, job.builtin)}</li>}
        {job.paths.length > 0 && <li title={job.paths.map(visible).join('\n')}>{say.filesGiven(job.paths.length)}</li>}
        {used > 0 && (
          <li class="num" title={say.tokensHelp(job.input_tokens, job.output_tokens)}>
            {say.tokens(used)}
          </li>
        )}
        {job.cost > 0 && <li class="num">{say.cost(job.cost)}</li>}
        {(job.attempt ?? 0) > 1 && (
          <li class="num">
            {own.attempt} {job.attempt}
          </li>
        )}
        {typeof job.queue_place === 'number' && <li class="num">{board.place(job.queue_place)}</li>}
        {job.parent && (
          <li>
            <button type="button" class="quiet job-link" onClick={() => openJob(job.parent ?? '')}>
              {own.parent}
            </button>
          </li>
        )}
      </ul>
      <Budgets job={job} />
      <Setup job={job} />
    </>
  )
}

function Tool({ events, job }: { events: readonly JobEvent[]; job: Job }) {
  const last = events.findLast((event) => event.kind === 'tool')?.data.name
  if (groupOf(job.state) !== 'active' || typeof last !== 'string') return null
  return (
    <li>
      {own.tool}: <code>{visible(last)}</code>
    </li>
  )
}

function seconds(job: Job): number | null {
  const active = job.state === 'running' || job.state === 'planning'
  return elapsed(job.started_at, active ? null : job.ended_at, active ? now.value : Date.parse(job.ended_at ?? ''))
}

function Time({ job }: { job: Job }) {
  const time = seconds(job)
  return time === null || Number.isNaN(time) ? null : <li class="num">{say.elapsed(clock(time))}</li>
}

type Measure = 'minutes' | 'steps' | 'tokens' | 'dollars'

/** What a job has used of each limit it has. */
export function budgets(job: Job, running: number): { measure: Measure; used: number; most: number }[] {
  const times = job.budget.times ?? 1
  const used: Record<Measure, number> = {
    minutes: (job.worked_seconds + running) / 60,
    steps: job.done,
    tokens: job.input_tokens + job.output_tokens,
    dollars: job.cost,
  }
  const measures: Measure[] =
    job.kind === 'map' ? ['minutes', 'tokens', 'dollars'] : ['minutes', 'steps', 'tokens', 'dollars']
  return measures
    .map((measure) => ({ measure, used: used[measure], most: (job.budget[measure] ?? 0) * times }))
    .filter(({ most }) => most > 0)
}

function Budgets({ job }: { job: Job }) {
  const working = job.state === 'running' || job.state === 'planning'
  const all = budgets(job, working ? (seconds(job) ?? 0) : 0)
  if (!all.length) return null
  return (
    <ul class="job-budgets" aria-label={own.budget}>
      {all.map(({ measure, used, most }) => {
        const share = Math.min(1, used / most)
        const text = own.used[measure](used, most)
        return (
          <li key={measure} class="num">
            <span>{own.budgets[measure]}</span>
            <span
              class="job-budget"
              role="meter"
              aria-label={own.budgets[measure]}
              aria-valuemin={0}
              aria-valuemax={most}
              aria-valuenow={Math.min(used, most)}
              aria-valuetext={text}
              data-near={share >= 0.8 || undefined}
            >
              <i style={{ transform: `scaleX(${share})` }} />
            </span>
            <small>{text}</small>
          </li>
        )
      })}
    </ul>
  )
}

function Setup({ job }: { job: Job }) {
  const setup = job.setup
  if (!setup?.command && !setup?.port) return null
  const failed = typeof setup.code === 'number' && setup.code !== 0
  const how =
    setup.command &&
    (typeof setup.code !== 'number'
      ? own.setupNot
      : failed
        ? own.setupFailed(setup.code)
        : own.setupDone(setup.seconds ?? 0))
  return (
    <p class="job-setup small muted" data-bad={failed || undefined}>
      {setup.command && (
        <>
          {own.setup}: <code>{visible(setup.command)}</code> {how}
        </>
      )}
      {setup.command && setup.port ? ' · ' : ''}
      {setup.port ? own.port(setup.port) : ''}
    </p>
  )
}

export interface Stopped {
  processes: number
  sockets: number
  ledger: string
  running: number // sub-agents that have not ended yet
}

/** The newest proof of a stop among the events. */
export function proofOf(events: readonly JobEvent[]): Stopped | null {
  const data = events.findLast((event) => event.kind === 'proof')?.data
  if (!data) return null
  const ledger = data.ledger
  return {
    processes: Number(data.processes ?? 0),
    sockets: Number(data.sockets ?? 0),
    running: Number(data.running ?? 0),
    ledger: typeof ledger === 'string' ? ledger : ledger === true || ledger === 0 ? 'settled' : 'open',
  }
}

export function Proof({ events }: { events: readonly JobEvent[] }) {
  const found = proofOf(events)
  if (!found) return null
  const clean = !found.processes && !found.sockets && !found.running && found.ledger === 'settled'
  return (
    <p class="job-proof num" role="status" title={own.proofWhy} data-clean={clean}>
      <Icon name={clean ? 'circle-check' : 'triangle-alert'} size={14} />
      {own.proof(found.processes, found.sockets, visible(found.ledger))}
      {found.running > 0 && `, ${own.stillRunning(found.running)}`}
    </p>
  )
}
