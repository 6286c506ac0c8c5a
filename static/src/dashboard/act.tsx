// An act on a row, asked about first: the server does it and says what was done.
import { useSignal } from '@preact/signals'
import { post } from '../net/http'
import { problemOf } from '../net/problem'
import { Dialog } from '../ui/dialog'
import { Failure } from '../ui/failure'
import { toast } from '../ui/toast'
import { words } from '../ui/words/dashboard'
import type { Problem } from '../wire'
import type { Act } from '../wire-dashboard'
import { announcement, load } from './state'

interface Props {
  act: Act
  thing?: string
  name?: string
}

export function ActButton({ act, thing = '', name = '' }: Props) {
  const asking = useSignal(false)
  const busy = useSignal(false)
  const text = useSignal('')
  const problem = useSignal<Problem | null>(null)
  const close = () => {
    asking.value = false
    problem.value = null
  }
  const run = async () => {
    busy.value = true
    try {
      const done = await post<{ said: string }>('/dashboard/acts', { act: act.key, thing, text: text.peek() })
      close()
      text.value = ''
      toast(done.said)
      await load()
    } catch (error) {
      problem.value = problemOf(error)
    } finally {
      busy.value = false
    }
  }
  return (
    <>
      <button
        type="button"
        class={name ? 'quiet' : ''}
        aria-label={name ? words.actOf(act.label, name) : act.label}
        onClick={() => (asking.value = true)}
      >
        {act.label}
      </button>
      {asking.value && (
        <Dialog
          title={act.label}
          open
          onClose={close}
          footer={
            <>
              <button type="button" onClick={close}>
                {words.cancel}
              </button>
              <button type="button" class="primary" disabled={busy.value} onClick={() => void run()}>
                {busy.value ? words.doing : act.label}
              </button>
            </>
          }
        >
          {act.ask && <p>{act.ask}</p>}
          {name && <p class="muted">{name}</p>}
          {act.wants && (
            <label class="field">
              {act.wants}
              <textarea
                rows={3}
                maxLength={400}
                value={text.value}
                onInput={(event) => (text.value = event.currentTarget.value)}
              />
              <span class="faint small">{words.messageAbout}</span>
            </label>
          )}
          {problem.value && <Failure problem={problem.value} />}
        </Dialog>
      )}
    </>
  )
}

// What everybody reads now, and how to say or end it.
export function Message({ acts }: { acts: Act[] }) {
  const say = acts.find((one) => one.key === 'announce')
  const end = acts.find((one) => one.key === 'announce.end')
  const { value: now } = announcement
  return (
    <section class="card message" aria-label={words.message}>
      {now && <p>{words.messageNow(now.text)}</p>}
      <p class="row">
        {say && <ActButton act={say} />}
        {now && end && <ActButton act={end} />}
      </p>
    </section>
  )
}
