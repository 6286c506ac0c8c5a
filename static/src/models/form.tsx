// The form of one model: who runs it first, then only what that provider needs. What is typed stays until it is saved or
// discarded, whatever the server says.
import { useSignal } from '@preact/signals'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { toast } from '../ui/toast'
import { words } from '../ui/words/models'
import type { ModelSettings, Problem } from '../wire'
import type { Provider } from '../wire-models'
import { Advanced, Dialects } from './advanced'
import { advanced, choose, type Draft, type Faults, faultsOf, fieldOf, OTHER } from './draft'
import { Choice, Field, Key, type Pen, Text } from './fields'
import type { Settings } from './settings'

interface Props {
  settings: Settings
  all: ModelSettings
  plain: Draft
  saved: Draft | undefined
  keep: (draft: Draft | null) => void
  onDone: () => void
}

export function ModelForm({ settings, all, plain, saved, keep, onDone }: Props) {
  const draft = useSignal(saved ?? plain)
  const faults = useSignal<Faults>({})
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const { value: now } = draft
  const provider = all.providers.find((one) => one.id === now.provider)
  const begun = now.id !== null || now.provider !== ''
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
    faults.value = begun ? faultsOf(draft.peek(), provider) : { provider: words.faults.provider }
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
  const pick = (id: string) => {
    faults.value = {}
    set(choose(draft.peek(), all.providers, id))
  }
  return (
    <form class="model-form" noValidate onSubmit={save}>
      {now.id === null && <Providers pen={pen} all={all.providers} chosen={provider} pick={pick} />}
      {begun && <Needed pen={pen} all={all} provider={provider} had={plain.key === null} />}
      {begun && <Advanced pen={pen} provider={provider} had={plain.key === null} />}
      {problem.value && <Failure problem={problem.value} />}
      <p class="model-form-acts">
        <button type="button" class="quiet" onClick={onDone}>
          {words.back}
        </button>
        {begun && (
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
        )}
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

interface ProvidersProps {
  pen: Pen
  all: Provider[]
  chosen: Provider | undefined
  pick: (id: string) => void
}

function Providers({ pen, all, chosen, pick }: ProvidersProps) {
  const { value: now } = pen.draft
  const fault = pen.faults.value.provider
  const about = chosen
    ? `${words.speaks(now.dialect, now.base_url)}.${chosen.local ? ` ${words.localAbout}` : ''}`
    : now.provider === OTHER
      ? words.otherAbout
      : words.providerAbout
  const groups = [
    [words.hosted, all.filter((one) => !one.local)],
    [words.local, all.filter((one) => one.local)],
  ] as const
  return (
    <Field name="provider" fault={fault} about={about}>
      {(id, described) => (
        <select
          id={id}
          aria-invalid={Boolean(fault)}
          aria-describedby={described}
          value={now.provider}
          onChange={({ currentTarget }) => pick(currentTarget.value)}
        >
          <option value="">{words.providerNone}</option>
          {groups.map(([label, ones]) => (
            <optgroup key={label} label={label}>
              {ones.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </optgroup>
          ))}
          <option value={OTHER}>{words.providerOther}</option>
        </select>
      )}
    </Field>
  )
}

interface NeededProps {
  pen: Pen
  all: ModelSettings
  provider: Provider | undefined
  had: boolean
}

/** What this provider needs; what is known of it stands under *Advanced*. */
function Needed({ pen, all, provider, had }: NeededProps) {
  const { value: now } = pen.draft
  const later = advanced(now, provider)
  return (
    <div class="model-fields">
      {!later.includes('base_url') && <Text pen={pen} name="base_url" max={500} hint="https://…/v1" />}
      {!later.includes('dialect') && <Dialects pen={pen} />}
      {!later.includes('key') && <Key pen={pen} had={had} hint={provider && words.keyFrom(provider.name)} />}
      <Text pen={pen} name="model" max={200} hint={words.modelHint} known={provider?.models} />
      <Text pen={pen} name="name" max={80} />
      {now.id === null && all.scopes.length > 1 && (
        <Choice pen={pen} name="scope" all={all.scopes} shown={words.scopes} />
      )}
    </div>
  )
}
