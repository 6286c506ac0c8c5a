// The dialog that makes a workspace. What was typed stays until it worked, whichever way it failed.
import './create.css'
import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { del, get, post, upload } from '../net/http'
import { problemOf } from '../net/problem'
import { Dialog } from '../ui/dialog'
import { Failure } from '../ui/failure'
import { words } from '../ui/words/around'
import type { Me, Problem, Workspace } from '../wire'
import { Details } from './create-fields'
import { body, type Draft, type Missing, mayUse, missing, nameOf, WAYS, type Way } from './create-form'
import { Progress, shareIn } from './home-row'
import { go } from './route'

export type { Way } from './create-form'

const say = words.create
const ASK_EVERY = 1000

interface Props {
  me: Me
  way: Way
  /** Begin at once, with nothing more to ask (the sample). */
  now?: boolean
  onClose: () => void
}

interface Making {
  sent: Signal<number | null> // share of the upload that has left, while it leaves
  row: Signal<Workspace | null> // the workspace being made
  problem: Signal<Problem | null>
}

export function CreateDialog({ me, way, now, onClose }: Props) {
  const draft = useSignal<Draft>({ way, name: '', named: false, url: '', path: '', file: null })
  const file = useSignal<File | null>(null)
  const tried = useSignal(false)
  const sending = useSignal(false)
  const making: Making = { sent: useSignal(null), row: useSignal(null), problem: useSignal(null) }
  useFollowing(making)
  const lacks = missing(draft.value)
  const busy = sending.value || making.row.value?.state === 'creating'
  const submit = async () => {
    tried.value = true
    if (missing(draft.peek()).length || busy) return
    sending.value = true
    await create(draft.peek(), file.peek(), making)
    sending.value = false
  }
  useEffect(() => {
    if (now) submit()
  }, [])
  const change = (part: Partial<Draft>) => {
    draft.value = { ...draft.peek(), ...part }
    if (part.way) tried.value = false
  }
  const form = useId()
  return (
    <Dialog title={say.title} open onClose={onClose} footer={<Foot {...{ form, busy, making, onClose }} />}>
      <form
        id={form}
        class="create"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <fieldset class="create-all" disabled={busy}>
          <Ways me={me} chosen={draft.value.way} onChoose={(chosen) => change({ way: chosen })} />
          <Details
            draft={draft.value}
            lacks={tried.value ? lacks : []}
            onChange={change}
            onFile={(one) => takeFile(one)}
          />
          <Name draft={draft.value} lacks={tried.value ? lacks : []} onChange={change} />
        </fieldset>
        {busy && <Course making={making} />}
        {!busy && making.problem.value && <Failure problem={making.problem.value} />}
      </form>
    </Dialog>
  )

  function takeFile(one: File) {
    file.value = one
    change({ file: { name: one.name, size: one.size } })
  }
}

/** Ask the server to make it. A workspace an earlier try left behind is taken away first. */
async function create(draft: Draft, file: File | null, { sent, row, problem }: Making) {
  problem.value = null
  try {
    const failed = row.peek()
    if (failed?.state === 'failed') await del(`/workspaces/${failed.id}`)
    row.value = null
    row.value =
      draft.way === 'upload' && file ? await send(draft, file, sent) : await post<Workspace>('/workspaces', body(draft))
  } catch (error) {
    problem.value = problemOf(error)
  }
  sent.value = null
}

function send(draft: Draft, file: File, sent: Signal<number | null>): Promise<Workspace> {
  const form = new FormData()
  form.set('name', nameOf(draft).trim())
  form.set('file', file)
  sent.value = 0
  return upload<Workspace>('/workspaces/upload', form, (share) => {
    sent.value = share
  })
}

/** Follow a workspace until it is ready, then go there; or until it failed, then say why. */
function useFollowing({ row, problem }: Making) {
  const current = row.value
  useEffect(() => {
    if (current?.state === 'ready') go(`/w/${current.id}`)
    if (current?.state === 'failed') problem.value = { code: 'create_failed', message: current.problem, do: '' }
    if (current?.state !== 'creating') return
    const timer = setTimeout(async () => {
      try {
        row.value = await get<Workspace>(`/workspaces/${current.id}`)
      } catch (error) {
        problem.value = problemOf(error)
        row.value = { ...current } // asks again after another while
      }
    }, ASK_EVERY)
    return () => clearTimeout(timer)
  }, [current, row, problem])
}

function Foot({ form, busy, making, onClose }: { form: string; busy: boolean; making: Making; onClose: () => void }) {
  const again = making.problem.value !== null
  return (
    <>
      <button type="button" class="quiet" onClick={onClose}>
        {busy ? words.close : words.cancel}
      </button>
      <button type="submit" class="primary" form={form} disabled={busy}>
        {busy ? say.sending : again ? say.again : say.submit}
      </button>
    </>
  )
}

function Course({ making: { sent, row } }: { making: Making }) {
  if (row.value) {
    return (
      <div class="create-course">
        <Progress text={row.value.progress} share={shareIn(row.value.progress)} />
        <small class="muted">{say.going}</small>
      </div>
    )
  }
  const share = sent.value
  const text = share === null ? say.sending : share < 1 ? say.uploading(Math.round(share * 100)) : say.unpacking
  return (
    <div class="create-course">
      <Progress text={text} share={share} />
    </div>
  )
}

function Ways({ me, chosen, onChoose }: { me: Me; chosen: Way; onChoose: (way: Way) => void }) {
  return (
    <fieldset class="create-ways">
      <legend class="visually-hidden">{say.from}</legend>
      {WAYS.map((way) => (
        <label key={way} class="create-way" title={mayUse(way, me) ? undefined : say.localOff}>
          <input
            type="radio"
            name="way"
            class="visually-hidden"
            checked={chosen === way}
            disabled={!mayUse(way, me)}
            onChange={() => onChoose(way)}
          />
          <span>{say.ways[way]}</span>
        </label>
      ))}
      {!me.staff && <small class="create-off muted">{say.localOff}</small>}
    </fieldset>
  )
}

interface NameProps {
  draft: Draft
  lacks: readonly Missing[]
  onChange: (part: Partial<Draft>) => void
}

function Name({ draft, lacks, onChange }: NameProps) {
  const id = useId()
  const wrong = lacks.includes('name')
  return (
    <div class="field">
      <label for={id}>{say.name}</label>
      <input
        id={id}
        maxLength={120}
        value={nameOf(draft)}
        aria-invalid={wrong}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        autoComplete="off"
        onInput={({ currentTarget: { value } }) => onChange({ name: value, named: value !== '' })}
      />
      {wrong && (
        <small class="wrong" id={`${id}-wrong`}>
          {say.missing.name}
        </small>
      )}
    </div>
  )
}
