// What a job means to do: approved or changed by people before it begins, ticked off as it goes.
import { useSignal } from '@preact/signals'
import { problemOf } from '../../net/problem'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import { job as say } from '../../ui/words/jobs'
import type { Job, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { mayDelegate } from '../state'
import { visible } from './log'

export function Plan({ job }: { job: Job }) {
  const draft = useSignal<string[] | null>(null)
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const plan = job.plan
  const home = live.value
  if (!plan?.steps.length) return null
  const may = home !== null && mayDelegate(home.role.value) && plan.state === 'proposed'
  const act = async (ask: () => Promise<unknown> | undefined) => {
    busy.value = true
    try {
      await ask()
      problem.value = null
      draft.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  const save = () => {
    const steps = (draft.peek() ?? []).map((text) => text.trim()).filter(Boolean)
    return act(() => live.peek()?.call('job.plan.edit', { job: job.id, steps }))
  }
  return (
    <section class="job-plan" aria-label={say.plan} data-state={plan.state}>
      <h3>
        {say.plan}
        {plan.by && plan.state === 'approved' && <small class="muted">{say.planBy(plan.by)}</small>}
      </h3>
      {plan.state === 'proposed' && <p>{say.planProposed}</p>}
      {problem.value && <Failure problem={problem.value} />}
      {draft.value ? (
        <Draft steps={draft.value} onChange={(steps) => (draft.value = steps)} />
      ) : (
        <ol>
          {plan.steps.map((step, at) => (
            <li key={at} data-done={step.done}>
              <i aria-hidden="true">{step.done ? '✓' : `${at + 1}`}</i>
              <span>
                {visible(step.text)}
                {step.done && <span class="visually-hidden"> ({say.stepDone})</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
      {may && !draft.value && (
        <p class="job-plan-acts">
          <button
            type="button"
            class="primary"
            disabled={busy.value}
            onClick={() => act(() => live.peek()?.call('job.plan.approve', { job: job.id }))}
          >
            {say.approve}
          </button>
          <button type="button" disabled={busy.value} onClick={() => (draft.value = plan.steps.map((one) => one.text))}>
            {say.edit}
          </button>
        </p>
      )}
      {may && draft.value && (
        <p class="job-plan-acts">
          <button
            type="button"
            class="primary"
            disabled={busy.value || !draft.value.some((one) => one.trim())}
            onClick={save}
          >
            {say.save}
          </button>
          <button type="button" class="quiet" onClick={() => (draft.value = null)}>
            {words.cancel}
          </button>
        </p>
      )}
    </section>
  )
}

function Draft({ steps, onChange }: { steps: readonly string[]; onChange: (steps: string[]) => void }) {
  const swap = (at: number) => {
    const next = [...steps]
    const [one] = next.splice(at, 1)
    next.splice(at - 1, 0, one ?? '')
    onChange(next)
  }
  return (
    <ol class="job-plan-draft">
      {steps.map((text, at) => (
        <li key={at}>
          <input
            type="text"
            maxLength={500}
            value={text}
            aria-label={say.stepLabel(at + 1)}
            onInput={({ currentTarget }) => onChange(steps.map((one, n) => (n === at ? currentTarget.value : one)))}
          />
          <button
            type="button"
            class="quiet icon"
            aria-label={say.up(at + 1)}
            title={say.up(at + 1)}
            disabled={!at}
            onClick={() => swap(at)}
          >
            <Icon name="arrow-up" size={14} />
          </button>
          <button
            type="button"
            class="quiet icon"
            aria-label={say.removeStep(at + 1)}
            title={say.removeStep(at + 1)}
            onClick={() => onChange(steps.filter((_, n) => n !== at))}
          >
            <Icon name="x" size={14} />
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="quiet" onClick={() => onChange([...steps, ''])}>
          <Icon name="plus" size={14} /> {say.addStep}
        </button>
      </li>
    </ol>
  )
}
