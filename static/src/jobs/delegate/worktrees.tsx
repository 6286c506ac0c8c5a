// How worktrees of jobs are made ready, and which hosts their commands may reach: shown to everybody, changed by
// maintainers. Values of variables are written, never read.
import './worktrees.css'
import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { get, put } from '../../net/http'
import { problemOf } from '../../net/problem'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { Skeleton } from '../../ui/skeleton'
import { toast } from '../../ui/toast'
import { worktrees as say } from '../../ui/words/jobs'
import type { Problem, Role, WorktreeRules } from '../../wire'

interface Variable {
  name: string
  value: string | null // null: the one that is kept
}
interface Draft {
  command: string
  variables: Variable[]
  hosts: string
}

const draftOf = (rules: WorktreeRules): Draft => ({
  command: rules.setup_command,
  variables: rules.env.map((name) => ({ name, value: null })),
  hosts: rules.egress.join('\n'),
})

/** What is sent: a variable without a name is none. */
export function wishOf({ command, variables, hosts }: Draft) {
  return {
    setup_command: command,
    env: Object.fromEntries(variables.filter((one) => one.name.trim()).map((one) => [one.name.trim(), one.value])),
    egress: hosts.split(/\s+/).filter(Boolean),
  }
}

export function Worktrees({ workspace, role }: { workspace: string; role: Role }) {
  const draft = useSignal<Draft | null>(null)
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const id = useId()
  const path = `/workspaces/${workspace}/rules/worktrees`
  const attempt = async (ask: () => Promise<WorktreeRules>) => {
    busy.value = true
    try {
      draft.value = draftOf(await ask())
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
    return problem.peek() === null
  }
  const load = () => attempt(() => get<WorktreeRules>(path))
  useEffect(() => void load(), [path])
  const off = role !== 'owner' && role !== 'maintainer'
  const now = draft.value
  const change = (part: Partial<Draft>) => {
    if (now) draft.value = { ...now, ...part }
  }
  const save = async (event: Event) => {
    event.preventDefault()
    if (now && (await attempt(() => put<WorktreeRules>(path, wishOf(now))))) toast(say.saved)
  }
  return (
    <section class="worktrees" aria-label={say.title}>
      <h3>{say.title}</h3>
      {!now && !problem.value && <Skeleton />}
      {!now && problem.value && <Failure problem={problem.value} retry={load} />}
      {now && (
        <form onSubmit={save}>
          <fieldset disabled={off} title={off ? say.mayNot : ''}>
            <label for={`${id}-command`}>{say.setup}</label>
            <textarea
              id={`${id}-command`}
              class="code"
              rows={2}
              maxLength={8000}
              placeholder={say.setupHint}
              value={now.command}
              onInput={({ currentTarget }) => change({ command: currentTarget.value })}
            />
            <small class="muted">{say.setupHelp}</small>
            <Variables all={now.variables} off={off} onChange={(variables) => change({ variables })} />
            <label for={`${id}-hosts`}>{say.egress}</label>
            <textarea
              id={`${id}-hosts`}
              class="code"
              rows={2}
              value={now.hosts}
              onInput={({ currentTarget }) => change({ hosts: currentTarget.value })}
            />
            <small class="muted">{say.egressHelp}</small>
          </fieldset>
          {problem.value && <Failure problem={problem.value} />}
          {off ? (
            <p class="small muted">{say.mayNot}</p>
          ) : (
            <button type="submit" disabled={busy.value}>
              {say.save}
            </button>
          )}
        </form>
      )}
    </section>
  )
}

interface VariablesProps {
  all: readonly Variable[]
  off: boolean
  onChange: (all: Variable[]) => void
}

function Variables({ all, off, onChange }: VariablesProps) {
  const put = (at: number, part: Partial<Variable>) =>
    onChange(all.map((one, n) => (n === at ? { ...one, ...part } : one)))
  return (
    <>
      <b>{say.env}</b>
      {all.map((one, at) => (
        <div key={at} class="worktrees-variable">
          <input
            class="code"
            aria-label={say.name}
            placeholder={say.name}
            value={one.name}
            onInput={({ currentTarget }) => put(at, { name: currentTarget.value, value: one.value ?? '' })}
          />
          <input
            class="code"
            type="password"
            autocomplete="off"
            aria-label={say.value}
            placeholder={one.value === null ? say.kept : say.value}
            value={one.value ?? ''}
            onInput={({ currentTarget }) => put(at, { value: currentTarget.value })}
          />
          <button
            type="button"
            class="quiet icon"
            aria-label={say.removeVariable(one.name)}
            title={say.removeVariable(one.name)}
            onClick={() => onChange(all.filter((_, n) => n !== at))}
          >
            <Icon name="x" size={14} />
          </button>
        </div>
      ))}
      {!off && (
        <button type="button" class="quiet worktrees-add" onClick={() => onChange([...all, { name: '', value: '' }])}>
          <Icon name="plus" size={14} /> {say.addVariable}
        </button>
      )}
      <small class="muted">{say.envHelp}</small>
    </>
  )
}
