// What few need to say of a model. Opens by itself where something in it is wrong.
import { useSignal } from '@preact/signals'
import { words } from '../ui/words/models'
import type { Dialect, Provider } from '../wire-models'
import { advanced, ROLES } from './draft'
import { Check, Choice, Field, Key, type Pen, Text } from './fields'

const DIALECTS: Dialect[] = ['responses', 'chat', 'anthropic']

export const Dialects = ({ pen }: { pen: Pen }) => (
  <Choice pen={pen} name="dialect" all={DIALECTS} shown={words.dialects} />
)

export function Advanced({ pen, provider, had }: { pen: Pen; provider: Provider | undefined; had: boolean }) {
  const { value: now } = pen.draft
  const fields = advanced(now, provider)
  const wrong = fields.some((name) => pen.faults.value[name])
  const open = useSignal(Boolean(now.extra))
  return (
    <details
      class="model-advanced"
      open={open.value || wrong}
      onToggle={({ currentTarget }) => (open.value = currentTarget.open)}
    >
      <summary>{words.advanced}</summary>
      <div class="model-fields">
        {fields.includes('base_url') && <Text pen={pen} name="base_url" max={500} hint="https://…/v1" />}
        {fields.includes('dialect') && <Dialects pen={pen} />}
        {fields.includes('key') && <Key pen={pen} had={had} />}
        <Choice pen={pen} name="pool" all={['fast', 'deep'] as const} shown={words.counts} about={words.countsAbout} />
        <Text pen={pen} name="window" numeric />
        <fieldset class="model-prices">
          <legend>{words.prices}</legend>
          <Text pen={pen} name="price_input" numeric />
          <Text pen={pen} name="price_cached" numeric />
          <Text pen={pen} name="price_output" numeric />
        </fieldset>
        <fieldset class="model-prices">
          <legend>{words.limitsLegend}</legend>
          <Text pen={pen} name="limit_concurrent" numeric />
          <Text pen={pen} name="limit_requests" numeric />
          <Text pen={pen} name="limit_tokens" numeric />
        </fieldset>
        {now.id === null && now.scope !== 'person' && <Use pen={pen} />}
        <p class="model-checks">
          <Check label={words.drives} on={now.drives_tools} set={(drives_tools) => pen.change({ drives_tools })} />
          <Check label={words.enabled} on={now.enabled} set={(enabled) => pen.change({ enabled })} />
        </p>
        <Extra pen={pen} />
      </div>
    </details>
  )
}

function Use({ pen }: { pen: Pen }) {
  const { roles } = pen.draft.value
  return (
    <fieldset class="model-checks">
      <legend>{words.use}</legend>
      {ROLES.map((role) => (
        <Check
          key={role}
          label={words.roles[role]}
          on={roles.includes(role)}
          set={(on) => pen.change({ roles: ROLES.filter((one) => (one === role ? on : roles.includes(one))) })}
        />
      ))}
    </fieldset>
  )
}

function Extra({ pen }: { pen: Pen }) {
  const fault = pen.faults.value.extra
  return (
    <Field name="extra" fault={fault}>
      {(id, described) => (
        <textarea
          id={id}
          rows={3}
          class="code"
          spellcheck={false}
          placeholder={words.extraHint}
          aria-invalid={Boolean(fault)}
          aria-describedby={described}
          value={pen.draft.value.extra}
          onInput={({ currentTarget }) => pen.change({ extra: currentTarget.value })}
        />
      )}
    </Field>
  )
}
