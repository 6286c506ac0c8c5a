// The fields of a model's form: each with its label, what is wrong with it, and what it is about.
import type { Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { type Field as FieldName, words } from '../ui/words/models'
import type { Draft, Faults } from './draft'

export interface Pen {
  draft: Signal<Draft>
  faults: Signal<Faults>
  change: (part: Partial<Draft>) => void
}

export type TextName =
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

export function Text({
  pen,
  name,
  max,
  hint,
  numeric,
  known = [],
}: {
  pen: Pen
  name: TextName
  max?: number
  hint?: string
  numeric?: boolean
  known?: string[]
}) {
  const fault = pen.faults.value[name]
  return (
    <Field name={name} fault={fault}>
      {(id, described) => (
        <>
          <input
            id={id}
            autocomplete="off"
            spellcheck={false}
            maxLength={max}
            placeholder={hint}
            inputMode={numeric ? 'decimal' : undefined}
            list={known.length > 0 ? `${id}-known` : undefined}
            aria-invalid={Boolean(fault)}
            aria-describedby={described}
            value={pen.draft.value[name]}
            onInput={({ currentTarget }) => pen.change({ [name]: currentTarget.value })}
          />
          {known.length > 0 && (
            <datalist id={`${id}-known`}>
              {known.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  )
}

/** Write-only: a kept key is never shown, only replaced. */
export function Key({ pen, had, hint = words.keyHint }: { pen: Pen; had: boolean; hint?: string }) {
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
              placeholder={hint}
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

export function Check({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={({ currentTarget }) => set(currentTarget.checked)} /> {label}
    </label>
  )
}

interface FieldProps {
  name: FieldName
  fault?: string | undefined
  about?: string
  children: (id: string, described: string | undefined) => ComponentChildren
}

export function Field({ name, fault, about, children }: FieldProps) {
  const id = useId()
  const described = [fault && `${id}-fault`, about && `${id}-about`].filter(Boolean).join(' ') || undefined
  return (
    <span class="field">
      <label for={id}>{words.fields[name]}</label>
      {children(id, described)}
      {fault && (
        <small id={`${id}-fault`} class="bad">
          {fault}
        </small>
      )}
      {about && (
        <small id={`${id}-about`} class="faint">
          {about}
        </small>
      )}
    </span>
  )
}

interface ChoiceProps<T extends string> {
  pen: Pen
  name: FieldName & keyof Draft
  all: readonly T[]
  shown: Record<T, string>
  about?: string
}

export function Choice<T extends string>({ pen, name, all, shown, about }: ChoiceProps<T>) {
  return (
    <Field name={name} about={about}>
      {(id, described) => (
        <select
          id={id}
          aria-describedby={described}
          value={String(pen.draft.value[name])}
          onChange={({ currentTarget }) => pen.change({ [name]: currentTarget.value })}
        >
          {all.map((one) => (
            <option key={one} value={one}>
              {shown[one]}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
