// Choosing the files of a job: the current one at hand, the rest by filter and check box.
import { useSignal, useSignalEffect } from '@preact/signals'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/around'
import type { Problem, Tree } from '../wire'
import { choices } from './form'
import { visible } from './log'

const say = words.form
const SHOWN = 200

interface Props {
  workspace: string
  current: string | null
  chosen: ReadonlySet<string>
  invalid: boolean
  problem: string
  onChange: (paths: ReadonlySet<string>) => void
}

export function Files({ workspace, current, chosen, invalid, problem, onChange }: Props) {
  const tree = useSignal<Tree | null>(null)
  const failure = useSignal<Problem | null>(null)
  const filter = useSignal('')
  const round = useSignal(0)
  useSignalEffect(() => {
    void round.value
    failure.value = null
    get<Tree>(`/workspaces/${workspace}/tree`).then(
      (answer) => {
        tree.value = answer
      },
      (error: unknown) => {
        failure.value = problemOf(error)
      },
    )
  })
  const toggle = (path: string) => {
    const next = new Set(chosen)
    if (!next.delete(path)) next.add(path)
    onChange(next)
  }
  const found = tree.value ? choices(tree.value.entries, filter.value) : []
  const retry = () => {
    round.value += 1
  }
  return (
    <fieldset class="picker" aria-invalid={invalid}>
      <legend>
        {say.files} <span class="muted num">{chosen.size > 0 && say.chosen(chosen.size)}</span>
      </legend>
      {current && (
        <Choice path={current} label={say.current} checked={chosen.has(current)} onToggle={() => toggle(current)} />
      )}
      <input
        type="search"
        class="picker-filter"
        aria-label={say.filter}
        placeholder={say.filter}
        value={filter.value}
        onInput={({ currentTarget }) => {
          filter.value = currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) event.preventDefault()
        }}
      />
      {failure.value && <Failure problem={failure.value} retry={retry} />}
      {!tree.value && !failure.value && <Skeleton />}
      {tree.value && <List found={found} chosen={chosen} filtered={filter.value !== ''} onToggle={toggle} />}
      <div class="picker-acts">
        {found.length > 0 && (
          <button type="button" class="quiet" onClick={() => onChange(new Set([...chosen, ...found]))}>
            {say.all(found.length)}
          </button>
        )}
        {chosen.size > 0 && (
          <button type="button" class="quiet" onClick={() => onChange(new Set())}>
            {say.none}
          </button>
        )}
      </div>
      {invalid && <small class="wrong">{problem}</small>}
    </fieldset>
  )
}

interface ListProps {
  found: readonly string[]
  chosen: ReadonlySet<string>
  filtered: boolean
  onToggle: (path: string) => void
}

function List({ found, chosen, filtered, onToggle }: ListProps) {
  if (!found.length) return <p class="small muted">{filtered ? say.nothing : say.noFiles}</p>
  return (
    <div class="picker-list">
      {found.slice(0, SHOWN).map((path) => (
        <Choice key={path} path={path} checked={chosen.has(path)} onToggle={() => onToggle(path)} />
      ))}
      {found.length > SHOWN && <p class="small muted">{say.more(found.length - SHOWN)}</p>}
    </div>
  )
}

function Choice(props: { path: string; label?: string; checked: boolean; onToggle: () => void }) {
  const path = visible(props.path)
  const cut = path.lastIndexOf('/') + 1
  return (
    <label class="picker-file" title={path}>
      <input type="checkbox" checked={props.checked} onChange={props.onToggle} />
      <span>
        {props.label && <em>{props.label} </em>}
        {path.slice(cut)} <small>{path.slice(0, cut)}</small>
      </span>
    </label>
  )
}
