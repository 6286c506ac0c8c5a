// Limits as a table, and the form that sets one: administrators' on the dashboard, a team's in its meters.
import './limits.css'
import { type ReadonlySignal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { get, put } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { words } from '../ui/words/limits'
import type { Problem } from '../wire'
import type { Limit, LimitKind, LimitMeasure, LimitOf, LimitSpan, LimitSubjects, LimitUses, Pool } from '../wire-limits'
import { UseCells } from './limits-use'

const SPANS: Record<LimitMeasure, LimitSpan[]> = {
  tokens: ['day', 'month', 'minute'],
  dollars: ['day', 'month'],
  requests: ['minute'],
  calls: [''],
}

interface Draft {
  of: LimitOf
  which: string // its id, login or number; empty: each of them
  pool: Pool | ''
  kind: LimitKind | ''
  measure: LimitMeasure
  span: LimitSpan
  amount: string
}
const blank = (of: LimitOf): Draft => ({
  of,
  which: '',
  pool: '',
  kind: '',
  measure: 'tokens',
  span: 'day',
  amount: '',
})
const draftOf = (row: Limit): Draft => ({
  of: row.of,
  which: String(row.person?.login ?? row.team?.id ?? row.endpoint ?? ''),
  pool: row.pool,
  kind: row.kind,
  measure: row.measure,
  span: row.span,
  amount: row.amount === null ? '' : String(row.amount),
})
const bodyOf = (row: Limit) => ({
  of: row.of,
  team: row.team?.id ?? null,
  person: row.person?.login ?? null,
  endpoint: row.endpoint,
  pool: row.pool,
  kind: row.kind,
  measure: row.measure,
  span: row.span,
})

/** Who may be named, of those it can be for: value and name. */
function choices(of: LimitOf, all: LimitSubjects | null): [string, string][] {
  if (of === 'team') return (all?.teams ?? []).map((one) => [one.id, one.name])
  if (of === 'person') return (all?.people ?? []).map((one) => [one.login, words.person(one)])
  if (of === 'endpoint') return (all?.models ?? []).map((one) => [String(one.id), one.name])
  return []
}

/** The body that sets what the form says. */
function asked({ which, amount, ...rest }: Draft) {
  return {
    ...rest,
    team: rest.of === 'team' && which ? which : null,
    person: rest.of === 'person' && which ? which : null,
    endpoint: rest.of === 'endpoint' && which ? Number(which) : null,
    amount: amount.trim() === '' ? null : Number(amount),
  }
}

const COLUMNS = ['of', 'pool', 'kind', 'most', 'used', 'frees'] as const
const LIVE: readonly (keyof typeof words.columns)[] = ['used', 'frees']

interface Props {
  rows: Limit[]
  path: string // where they are put
  uses?: ReadonlySignal<LimitUses | null> // what is used of each, live
  ofs: LimitOf[]
  may: boolean
  changed: (rows: Limit[]) => void
}

export function LimitsTable({ rows, path, uses, ofs, may, changed }: Props) {
  const draft = useSignal<Draft | null>(null)
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const said = useSignal('')
  const subjects = useSignal<LimitSubjects | null>(null)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    get<LimitSubjects>(`${path}/subjects`).then(
      (all) => (subjects.value = all),
      (error) => (problem.value = problemOf(error)),
    )
  }, [path])
  const send = async (body: unknown) => {
    busy.value = true
    problem.value = null
    try {
      changed(await put<Limit[]>(path, body))
      draft.value = null
      said.value = words.saved
    } catch (error) {
      problem.value = problemOf(error)
    } finally {
      busy.value = false
    }
  }
  const edit = (next: Draft) => {
    draft.value = next
    said.value = ''
    requestAnimationFrame(() => form.current?.querySelector<HTMLInputElement>('[name=amount]')?.focus())
  }
  return (
    <div class="limits">
      {rows.length > 0 && (
        <div class="table">
          <table>
            <thead>
              <tr>
                {COLUMNS.filter((one) => uses || !LIVE.includes(one)).map((one) => (
                  <th key={one} scope="col">
                    {words.columns[one]}
                  </th>
                ))}
                <th scope="col">
                  <span class="visually-hidden">{words.change}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.key}>
                  <th scope="row">{words.whose(row, subjects.value?.models)}</th>
                  <td>{words.pools[row.pool]}</td>
                  <td>{words.kinds[row.kind]}</td>
                  <td class="num limit-most">
                    {words.most(row)} {row.default && <span class="faint small">{words.default}</span>}
                  </td>
                  {uses && <UseCells row={row} uses={uses} />}
                  <td class="limit-acts">
                    {may && (
                      <button
                        type="button"
                        class="quiet"
                        aria-label={words.changeOf(row)}
                        onClick={() => edit(draftOf(row))}
                      >
                        {words.change}
                      </button>
                    )}
                    {may && !row.default && (
                      <button
                        type="button"
                        class="quiet"
                        aria-label={words.removeOf(row)}
                        disabled={busy.value}
                        onClick={() => void send({ ...bodyOf(row), remove: true })}
                      >
                        {words.remove}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {problem.value && <Failure problem={problem.value} />}
      <p class="muted small" role="status">
        {said.value}
      </p>
      {may && !draft.value && (
        <button type="button" onClick={() => edit(blank(ofs[0] ?? 'person'))}>
          {words.add}
        </button>
      )}
      {may && draft.value && (
        <LimitForm
          box={form}
          draft={draft.value}
          subjects={subjects.value}
          ofs={ofs}
          busy={busy.value}
          change={(next) => (draft.value = { ...draft.peek()!, ...next })}
          cancel={() => (draft.value = null)}
          save={() => void send(asked(draft.peek()!))}
        />
      )}
    </div>
  )
}

interface FormProps {
  box: { current: HTMLFormElement | null }
  draft: Draft
  subjects: LimitSubjects | null
  ofs: LimitOf[]
  busy: boolean
  change: (next: Partial<Draft>) => void
  cancel: () => void
  save: () => void
}

function LimitForm({ box, draft, subjects, ofs, busy, change, cancel, save }: FormProps) {
  const job = draft.of === 'job'
  const named = choices(draft.of, subjects)
  const measures: LimitMeasure[] = job ? ['tokens', 'dollars'] : ['tokens', 'dollars', 'requests', 'calls']
  const spans: LimitSpan[] = job ? ['ever'] : SPANS[draft.measure]
  const measure = (value: LimitMeasure) => change({ measure: value, span: job ? 'ever' : SPANS[value][0]! })
  const of = (value: LimitOf) => {
    if (value === 'job') change({ of: value, which: '', pool: '', kind: '', measure: 'tokens', span: 'ever' })
    else change({ of: value, which: '', span: draft.span === 'ever' ? 'day' : draft.span })
  }
  return (
    <form
      ref={box}
      class="limit-form"
      aria-label={words.add}
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.stopPropagation()
        event.preventDefault()
        cancel()
      }}
    >
      <Choice label={words.fields.of} value={draft.of} all={ofs} shown={words.ofs} set={of} />
      {named.length > 0 && (
        <Choice
          label={words.fields.which}
          value={draft.which}
          all={['', ...named.map(([value]) => value)]}
          shown={{ '': words.ofs[draft.of], ...Object.fromEntries(named) }}
          set={(which) => change({ which })}
        />
      )}
      {!job && (
        <>
          <Choice
            label={words.fields.pool}
            value={draft.pool}
            all={['', 'fast', 'deep']}
            shown={words.pools}
            set={(pool) => change({ pool })}
          />
          <Choice
            label={words.fields.kind}
            value={draft.kind}
            all={['', 'turn', 'inline', 'ghost', 'job']}
            shown={words.kinds}
            set={(kind) => change({ kind })}
          />
        </>
      )}
      <Choice label={words.fields.measure} value={draft.measure} all={measures} shown={words.measures} set={measure} />
      {spans.length > 1 && (
        <Choice
          label={words.fields.span}
          value={draft.span}
          all={spans}
          shown={words.spans}
          set={(span) => change({ span })}
        />
      )}
      <label>
        {words.fields.amount}
        <input
          name="amount"
          type="number"
          min="0"
          step="any"
          value={draft.amount}
          onInput={(event) => change({ amount: event.currentTarget.value })}
        />
      </label>
      <p class="limit-form-acts">
        <button type="submit" class="primary" disabled={busy}>
          {busy ? words.saving : words.save}
        </button>
        <button type="button" onClick={cancel}>
          {words.cancel}
        </button>
      </p>
    </form>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  value: T
  all: readonly T[]
  shown: Record<T, string>
  set: (value: T) => void
}

function Choice<T extends string>({ label, value, all, shown, set }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => set(event.currentTarget.value as T)}>
        {all.map((one) => (
          <option key={one} value={one}>
            {shown[one]}
          </option>
        ))}
      </select>
    </label>
  )
}
