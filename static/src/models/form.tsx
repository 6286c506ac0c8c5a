// The form of one model. What is typed stays until it is saved or discarded, whatever the server says.
import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { toast } from '../ui/toast'
import { type Field as FieldName, words } from '../ui/words/models'
import type { Dialect, ModelScope, ModelSettings, Pool, Problem } from '../wire'
import { choose, type Draft, type Faults, FITS, faultsOf, fieldOf, PRESETS, ROLES } from './draft'
import type { Settings } from './settings'

interface Props {
  settings: Settings
  all: ModelSettings
  plain: Draft
  saved: Draft | undefined
  keep: (draft: Draft | null) => void
  onDone: () => void
}
interface Pen {
  draft: Signal<Draft>
  faults: Signal<Faults>
  change: (part: Partial<Draft>) => void
}
const DIALECTS: Dialect[] = ['responses', 'chat', 'anthropic']

export function ModelForm({ settings, all, plain, saved, keep, onDone }: Props) {
  const draft = useSignal(saved ?? plain)
  const faults = useSignal<Faults>({})
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const set = (next: Draft) => {
    draft.value = next
    keep(next)
  }
  const change = (part: Partial<Draft>) => {
    set({ ...draft.peek(), ...part })
    faults.value = Object.fromEntries(Object.entries(faults.peek()).filter(([name]) => !(name in part)))
  }
  const save = async (event: Event) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    problem.value = null
    faults.value = faultsOf(draft.peek())
    if (Object.keys(faults.value).length > 0) return showFault(form)
    busy.value = true
    try {
      await settings.save(draft.peek())
      keep(null)
      toast(words.saved(draft.peek().name))
      onDone()
    } catch (error) {
      const refused = problemOf(error)
      const field = fieldOf(refused)
      if (field) faults.value = { [field]: `${refused.message.replace(/^[\w.]+: /, '')} ${refused.do}` }
      else problem.value = refused
      busy.value = false
      showFault(form)
    }
  }
  const pen = { draft, faults, change }
  const { value: now } = draft
  return (
    <form class="model-form" noValidate onSubmit={save}>
      {now.id === null && <Start now={now} scopes={all.scopes} change={change} set={set} />}
      <Text pen={pen} name="name" max={80} />
      <Field name="dialect" fault={undefined}>
        {(id) => (
          <select
            id={id}
            value={now.dialect}
            onChange={({ currentTarget }) => change({ dialect: currentTarget.value as Dialect })}
          >
            {DIALECTS.map((one) => (
              <option key={one} value={one}>
                {words.dialects[one]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Text pen={pen} name="base_url" max={500} hint="https://…/v1" />
      <Text pen={pen} name="model" max={200} hint={words.modelHint} />
      <Key pen={pen} had={plain.key === null} />
      <Text pen={pen} name="window" numeric />
      <fieldset class="model-prices">
        <legend>{words.prices}</legend>
        <Text pen={pen} name="price_input" numeric />
        <Text pen={pen} name="price_cached" numeric />
        <Text pen={pen} name="price_output" numeric />
      </fieldset>
      <Field name="pool" fault={undefined}>
        {(id) => (
          <select
            id={id}
            value={now.pool}
            onChange={({ currentTarget }) => change({ pool: currentTarget.value as Pool })}
          >
            {(['fast', 'deep'] as const).map((one) => (
              <option key={one} value={one}>
                {words.pools[one]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <fieldset class="model-prices">
        <legend>{words.limitsLegend}</legend>
        <Text pen={pen} name="limit_concurrent" numeric />
        <Text pen={pen} name="limit_requests" numeric />
        <Text pen={pen} name="limit_tokens" numeric />
      </fieldset>
      <p class="model-checks">
        <Check label={words.drives} on={now.drives_tools} set={(drives_tools) => change({ drives_tools })} />
        <Check label={words.enabled} on={now.enabled} set={(enabled) => change({ enabled })} />
      </p>
      {now.id === null && now.scope !== 'person' && <Use now={now} change={change} />}
      <details open={Boolean(now.extra) || Boolean(faults.value.extra)}>
        <summary>{words.advanced}</summary>
        <Field name="extra" fault={faults.value.extra}>
          {(id, described) => (
            <textarea
              id={id}
              rows={3}
              class="code"
              spellcheck={false}
              placeholder={words.extraHint}
              aria-invalid={Boolean(faults.value.extra)}
              aria-describedby={described}
              value={now.extra}
              onInput={({ currentTarget }) => change({ extra: currentTarget.value })}
            />
          )}
        </Field>
      </details>
      {problem.value && <Failure problem={problem.value} />}
      <p class="model-form-acts">
        <button type="button" class="quiet" onClick={onDone}>
          {words.back}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            keep(null)
            onDone()
          }}
        >
          {words.discard}
        </button>
        <button type="submit" class="primary" disabled={busy.value}>
          {busy.value ? words.saving : now.id === null ? words.connect : words.save}
        </button>
      </p>
    </form>
  )
}

// After the faults are drawn: the first field that has one.
const showFault = (form: HTMLFormElement) =>
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus())

interface StartProps {
  now: Draft
  scopes: ModelScope[]
  change: Pen['change']
  set: (draft: Draft) => void
}

function Start({ now, scopes, change, set }: StartProps) {
  const id = useId()
  const picks = [
    ['preset', words.preset, words.presetNone, Object.keys(PRESETS), words.presets],
    ['fit', words.fit, words.fitNone, Object.keys(FITS), words.fits],
  ] as const
  return (
    <>
      {picks.map(([which, label, none, keys, names]) => (
        <span key={which} class="field">
          <label for={`${id}-${which}`}>{label}</label>
          <select
            id={`${id}-${which}`}
            value={now[which]}
            onChange={({ currentTarget }) => set(choose(now, which, currentTarget.value))}
          >
            <option value="">{none}</option>
            {keys.map((key) => (
              <option key={key} value={key}>
                {names[key]}
              </option>
            ))}
          </select>
        </span>
      ))}
      <Field name="scope" fault={undefined}>
        {(at) => (
          <select
            id={at}
            value={now.scope}
            onChange={({ currentTarget }) => change({ scope: currentTarget.value as ModelScope })}
          >
            {scopes.map((scope) => (
              <option key={scope} value={scope}>
                {words.scopes[scope]}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  )
}

type TextName =
  | 'name'
  | 'base_url'
  | 'model'
  | 'window'
  | 'price_input'
  | 'price_cached'
  | 'price_output'
  | 'limit_concurrent'
  | 'limit_requests'
  | 'limit_tokens'

function Text({
  pen,
  name,
  max,
  hint,
  numeric,
}: {
  pen: Pen
  name: TextName
  max?: number
  hint?: string
  numeric?: boolean
}) {
  const fault = pen.faults.value[name]
  return (
    <Field name={name} fault={fault}>
      {(id, described) => (
        <input
          id={id}
          autocomplete="off"
          spellcheck={false}
          maxLength={max}
          placeholder={hint}
          inputMode={numeric ? 'decimal' : undefined}
          aria-invalid={Boolean(fault)}
          aria-describedby={described}
          value={pen.draft.value[name]}
          onInput={({ currentTarget }) => pen.change({ [name]: currentTarget.value })}
        />
      )}
    </Field>
  )
}

/** Write-only: a kept key is never shown, only replaced. */
function Key({ pen, had }: { pen: Pen; had: boolean }) {
  const { value: draft } = pen.draft
  const fault = pen.faults.value.key
  return (
    <Field name="key" fault={fault}>
      {(id, described) =>
        draft.key === null ? (
          <span class="model-key">
            <span class="small muted">{words.keyKept}</span>
            <button
              id={id}
              type="button"
              aria-label={`${words.replace}: ${words.fields.key}`}
              aria-describedby={described}
              onClick={() => pen.change({ key: '' })}
            >
              {words.replace}
            </button>
          </span>
        ) : (
          <span class="model-key">
            <input
              id={id}
              type="password"
              autocomplete="new-password"
              maxLength={4000}
              placeholder={words.keyHint}
              aria-invalid={Boolean(fault)}
              aria-describedby={described}
              value={draft.key}
              onInput={({ currentTarget }) => pen.change({ key: currentTarget.value })}
            />
            {had && (
              <button type="button" class="quiet" onClick={() => pen.change({ key: null })}>
                {words.keep}
              </button>
            )}
          </span>
        )
      }
    </Field>
  )
}

function Use({ now, change }: { now: Draft; change: Pen['change'] }) {
  return (
    <fieldset class="model-checks">
      <legend>{words.use}</legend>
      {ROLES.map((role) => (
        <Check
          key={role}
          label={words.roles[role]}
          on={now.roles.includes(role)}
          set={(on) => change({ roles: ROLES.filter((one) => (one === role ? on : now.roles.includes(one))) })}
        />
      ))}
    </fieldset>
  )
}

function Check({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={({ currentTarget }) => set(currentTarget.checked)} /> {label}
    </label>
  )
}

interface FieldProps {
  name: FieldName
  fault: string | undefined
  children: (id: string, described: string | undefined) => ComponentChildren
}

function Field({ name, fault, children }: FieldProps) {
  const id = useId()
  return (
    <span class="field">
      <label for={id}>{words.fields[name]}</label>
      {children(id, fault ? `${id}-fault` : undefined)}
      {fault && (
        <small id={`${id}-fault`} class="bad">
          {fault}
        </small>
      )}
    </span>
  )
}
