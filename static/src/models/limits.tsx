// Limits as a table, and the form that sets one: administrators' on the dashboard, a team's in its meters.
import './limits.css'
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { put } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { words } from '../ui/words/limits'
import type { Problem } from '../wire'
import type { Limit, LimitKind, LimitMeasure, LimitOf, LimitSpan, Pool } from '../wire-limits'

const SPANS: Record<LimitMeasure, LimitSpan[]> = {
  tokens: ['day', 'month', 'minute'],
  dollars: ['day', 'month'],
  requests: ['minute'],
  calls: [''],
}

interface Draft {
  of: LimitOf
  person: string
  pool: Pool | ''
  kind: LimitKind | ''
  measure: LimitMeasure
  span: LimitSpan
  amount: string
}
const blank = (of: LimitOf): Draft => ({
  of,
  person: '',
  pool: '',
  kind: '',
  measure: 'tokens',
  span: 'day',
  amount: '',
})
const draftOf = (row: Limit): Draft => ({
  of: row.of,
  person: row.person?.login ?? '',
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

interface Props {
  rows: Limit[]
  path: string // where they are put
  ofs: LimitOf[]
  may: boolean
  changed: (rows: Limit[]) => void
}

export function LimitsTable({ rows, path, ofs, may, changed }: Props) {
  const draft = useSignal<Draft | null>(null)
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const said = useSignal('')
  const form = useRef<HTMLFormElement>(null)
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
                {words.columns.map((one) => (
                  <th key={one} scope="col">
                    {one || <span class="visually-hidden">{words.change}</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={JSON.stringify(bodyOf(row))}>
                  <th scope="row">{words.whose(row)}</th>
                  <td>{words.pools[row.pool]}</td>
                  <td>{words.kinds[row.kind]}</td>
                  <td class="num">
                    {words.most(row)} {row.default && <span class="faint small">{words.default}</span>}
                  </td>
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
          ofs={ofs}
          busy={busy.value}
          change={(next) => (draft.value = { ...draft.peek()!, ...next })}
          cancel={() => (draft.value = null)}
          save={() => {
            const { person, amount, ...rest } = draft.peek()!
            const most = amount.trim() === '' ? null : Number(amount)
            const who = rest.of === 'person' && person.trim() ? person.trim() : null
            void send({ ...rest, person: who, amount: most })
          }}
        />
      )}
    </div>
  )
}

interface FormProps {
  box: { current: HTMLFormElement | null }
  draft: Draft
  ofs: LimitOf[]
  busy: boolean
  change: (next: Partial<Draft>) => void
  cancel: () => void
  save: () => void
}

function LimitForm({ box, draft, ofs, busy, change, cancel, save }: FormProps) {
  const job = draft.of === 'job'
  const measures: LimitMeasure[] = job ? ['tokens', 'dollars'] : ['tokens', 'dollars', 'requests', 'calls']
  const spans: LimitSpan[] = job ? ['ever'] : SPANS[draft.measure]
  const measure = (value: LimitMeasure) => change({ measure: value, span: job ? 'ever' : SPANS[value][0]! })
  const of = (value: LimitOf) => {
    if (value === 'job') change({ of: value, pool: '', kind: '', measure: 'tokens', span: 'ever' })
    else change({ of: value, span: draft.span === 'ever' ? 'day' : draft.span })
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
      {draft.of === 'person' && (
        <label>
          {words.fields.person}
          <input value={draft.person} onInput={(event) => change({ person: event.currentTarget.value })} />
        </label>
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
          Cancel
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
