// Choosing the files of a job: the current one at hand, the rest by filter and check box.
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { get } from '../../net/http'
import { problemOf } from '../../net/problem'
import { Failure } from '../../ui/failure'
import { Skeleton } from '../../ui/skeleton'
import { words } from '../../ui/words/around'
import { map as own } from '../../ui/words/jobs'
import type { FoundSymbol, Problem, Tree } from '../../wire'
import { live } from '../../workspace/live'
import { visible } from '../detail/log'
import { choices, globbed } from './form'

const say = words.form
const SHOWN = 200
const CALM = 220 // ms after the last key
const AGAIN = 700 // ms, while not all files have been looked into

type Way = 'name' | 'glob' | 'symbol'

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
  const way = useSignal<Way>('name')
  const symbols = useSymbols(way, filter)
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
  const entries = tree.value?.entries ?? []
  const known = new Set(way.value === 'symbol' ? choices(entries, '') : [])
  const found =
    way.value === 'symbol'
      ? [...new Set(symbols.value.symbols.map((one) => one.path))].filter((path) => known.has(path))
      : way.value === 'glob'
        ? globbed(entries, filter.value)
        : choices(entries, filter.value)
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
      <Ways way={way} />
      <input
        type="search"
        class="picker-filter"
        aria-label={LABELS[way.value]}
        placeholder={way.value === 'glob' ? own.globHint : LABELS[way.value]}
        title={way.value === 'glob' ? own.globHelp : undefined}
        value={filter.value}
        onInput={({ currentTarget }) => {
          filter.value = currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) event.preventDefault()
        }}
      />
      {way.value !== 'name' && filter.value && !symbols.value.problem && (
        <small class="muted num" role="status">
          {way.value === 'glob' && own.matches(found.length)}
          {way.value === 'symbol' &&
            (symbols.value.complete ? own.symbols(symbols.value.symbols.length, found.length) : own.looking)}
        </small>
      )}
      {symbols.value.problem && <Failure problem={symbols.value.problem} />}
      {failure.value && <Failure problem={failure.value} retry={retry} />}
      {!tree.value && !failure.value && <Skeleton />}
      {tree.value && (found.length > 0 || symbols.value.complete) && (
        <List found={found} chosen={chosen} filtered={filter.value !== ''} onToggle={toggle} />
      )}
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

const LABELS: Record<Way, string> = { name: say.filter, glob: own.glob, symbol: own.symbol }

function Ways({ way }: { way: Signal<Way> }) {
  return (
    <span class="board-which picker-ways" role="group" aria-label={own.way}>
      {(['name', 'glob', 'symbol'] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={way.value === one}
          onClick={() => {
            way.value = one
          }}
        >
          {own.ways[one]}
        </button>
      ))}
    </span>
  )
}

interface Found {
  symbols: FoundSymbol[]
  complete: boolean
  problem?: Problem
}

/** The symbols whose name is asked for; asked again while the server has not looked into all files. */
function useSymbols(way: Signal<Way>, filter: Signal<string>): Signal<Found> {
  const found = useSignal<Found>({ symbols: [], complete: true })
  useSignalEffect(() => {
    const query = filter.value.trim()
    found.value = { symbols: [], complete: way.value !== 'symbol' || !query }
    if (found.peek().complete) return
    let timer = setTimeout(ask, CALM)
    let gone = false
    function ask() {
      live
        .peek()
        ?.call('symbols.find', { query })
        .then(
          ({ symbols, complete = true }) => {
            if (gone) return
            found.value = { symbols, complete }
            if (!complete) timer = setTimeout(ask, AGAIN)
          },
          (error: unknown) => {
            if (!gone) found.value = { symbols: [], complete: true, problem: problemOf(error) }
          },
        )
    }
    return () => {
      gone = true
      clearTimeout(timer)
    }
  })
  return found
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
