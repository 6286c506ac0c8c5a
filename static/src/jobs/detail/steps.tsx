// The steps of a job, and what of it failed.
import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import type { JobDetail, JobStep } from '../../wire'
import { live } from '../../workspace/live'
import { isBusy, tryTo } from '../acts'
import { acts, groupOf, mayDelegate } from '../state'
import { brief } from '../time'
import { visible } from './log'

const say = words.job
const STEPS_SHOWN = 40

export function FailedItems({ job }: { job: JobDetail }) {
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

/** Why there is no step to show. */
function noneYet({ state, started_at }: JobDetail): string {
  if (groupOf(state) !== 'active') return say.noStepsEver
  return started_at ? say.noStepsDone : say.noSteps
}

export function Steps({ job }: { job: JobDetail }) {
  const { steps } = job
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
      {!steps.length && <p class="muted">{noneYet(job)}</p>}
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
