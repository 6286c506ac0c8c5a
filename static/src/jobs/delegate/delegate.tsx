// The form that delegates: what to do, how, on which files, by which model. begin.ts has its state.
import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import './delegate.css'
import { post } from '../../net/http'
import { problemOf } from '../../net/problem'
import { sessions } from '../../sessions/store'
import { Failure } from '../../ui/failure'
import { words } from '../../ui/words/around'
import { map as own } from '../../ui/words/jobs'
import type { Job, Models, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { jobs, put } from '../state'
import { change, delegating, draft, fresh } from './begin'
import { Files } from './files'
import { endpointOf, type Kind, LIMITS, type Limit, type Missing, missing, request } from './form'

const say = words.form

export function Delegate() {
  const tried = useSignal(false)
  const sending = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const home = live.value
  if (!home) return null
  const models = home.models.value
  const lacks = missing(draft.value, models)
  const submit = async (event: Event) => {
    event.preventDefault()
    tried.value = true
    if (lacks.length || sending.value) return
    sending.value = true
    problem.value = null
    try {
      const session = sessions.peek()?.current.peek()
      const order = { ...request(draft.peek()), ...(session && { session }) } // it reports there
      const job = await post<Job>(`/workspaces/${home.id}/jobs`, order)
      if (!jobs.peek().has(job.id)) jobs.value = put(jobs.peek(), job)
      draft.value = fresh()
      delegating.value = false
    } catch (error) {
      problem.value = problemOf(error)
    } finally {
      sending.value = false
    }
  }
  const shown = tried.value ? lacks : []
  return (
    <form class="delegate" aria-label={words.job.delegateTitle} onSubmit={submit} noValidate>
      <Instruction lacks={shown} />
      <HowTo models={models} lacks={shown} />
      {draft.value.kind === 'map' && (
        <Files
          workspace={home.id}
          current={home.documents.active.value?.path.value ?? null}
          chosen={draft.value.paths}
          problem={say.missing[shown.find((one) => one === 'files' || one === 'many') ?? 'files']}
          invalid={shown.includes('files') || shown.includes('many')}
          onChange={(paths) => change({ paths })}
        />
      )}
      {draft.value.kind === 'agent' && (
        <label class="delegate-plan">
          <input
            type="checkbox"
            checked={draft.value.approve ?? false}
            onChange={({ currentTarget }) => change({ approve: currentTarget.checked })}
          />
          <span>
            {own.approvePlan} <small class="muted">{own.approvePlanHelp}</small>
          </span>
        </label>
      )}
      <By models={models} lacks={lacks} />
      <Most />
      {problem.value && <Failure problem={problem.value} />}
      <div class="delegate-acts">
        <button
          type="button"
          class="quiet"
          onClick={() => {
            delegating.value = false
          }}
        >
          {words.cancel}
        </button>
        <button type="submit" class="primary" disabled={sending.value}>
          {sending.value ? say.sending : say.submit}
        </button>
      </div>
    </form>
  )
}

function Instruction({ lacks }: { lacks: readonly Missing[] }) {
  const id = useId()
  const wrong = lacks.find((one) => one === 'instruction' || one === 'long')
  return (
    <div class="field">
      <label for={id}>{say.instruction}</label>
      <textarea
        id={id}
        rows={4}
        placeholder={say.placeholder}
        value={draft.value.instruction}
        aria-invalid={Boolean(wrong)}
        aria-describedby={wrong && `${id}-wrong`}
        onInput={({ currentTarget }) => change({ instruction: currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit()
        }}
      />
      {wrong && (
        <small class="wrong" id={`${id}-wrong`}>
          {say.missing[wrong]}
        </small>
      )}
      {draft.value.instruction !== say.presetText && (
        <button
          type="button"
          class="delegate-preset"
          onClick={() => change({ instruction: say.presetText, kind: 'map' })}
        >
          {say.preset}
        </button>
      )}
    </div>
  )
}

function HowTo({ models, lacks }: { models: Models | null; lacks: readonly Missing[] }) {
  const endpoint = endpointOf(draft.value, models)
  const off = endpoint !== null && !endpoint.drives_tools
  const choice = (kind: Kind, label: string, help: string, disabled: boolean) => (
    <label class="delegate-kind" data-disabled={disabled}>
      <input
        type="radio"
        name="kind"
        checked={draft.value.kind === kind}
        disabled={disabled}
        onChange={() => change({ kind })}
      />
      <span>
        <b>{label}</b>
        <small>{help}</small>
      </span>
    </label>
  )
  return (
    <fieldset class="delegate-kinds">
      <legend>{say.kind}</legend>
      {choice('map', say.map, say.mapHelp, false)}
      {choice('agent', say.agent, off ? say.agentOff(endpoint.name) : say.agentHelp, off)}
      {lacks.includes('tools') && <small class="wrong">{say.missing.tools}</small>}
    </fieldset>
  )
}

function Most() {
  const id = useId()
  const { limits, kind } = draft.value
  const put = (name: Limit, text: string) => {
    const { [name]: _, ...others } = limits
    change({ limits: text === '' ? others : { ...others, [name]: Math.max(0, Number(text)) } })
  }
  return (
    <details class="delegate-limits">
      <summary>{say.limits}</summary>
      <p class="small muted">{say.limitsHelp}</p>
      {LIMITS.filter((name) => kind === 'agent' || name !== 'steps').map((name) => (
        <div key={name} class="field">
          <label for={`${id}-${name}`}>{say.limit[name]}</label>
          <input
            id={`${id}-${name}`}
            type="number"
            min={0}
            step={name === 'dollars' ? 0.01 : 1}
            placeholder={say.usual[name]}
            value={limits[name] ?? ''}
            onInput={({ currentTarget }) => put(name, currentTarget.value)}
          />
        </div>
      ))}
    </details>
  )
}

function By({ models, lacks }: { models: Models | null; lacks: readonly Missing[] }) {
  const id = useId()
  if (lacks.includes('model')) {
    return (
      <p class="small wrong">
        {say.missing.model} {models?.advice}
      </p>
    )
  }
  const endpoint = endpointOf(draft.value, models)
  const all = models?.endpoints ?? []
  return (
    <div class="field">
      {all.length > 1 && <label for={id}>{say.endpoint}</label>}
      {all.length > 1 && (
        <select
          id={id}
          value={endpoint?.id}
          onChange={({ currentTarget }) => change({ endpoint: Number(currentTarget.value) })}
        >
          {all.map((one) => (
            <option key={one.id} value={one.id}>
              {one.id === models?.default ? say.byDefault(one.name) : one.name}
            </option>
          ))}
        </select>
      )}
      {endpoint?.builtin && models?.advice && <small class="muted">{models.advice}</small>}
    </div>
  )
}
