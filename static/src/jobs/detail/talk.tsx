// What people say to a job while it works: a word before its next step, the answer it waits for, pause and resume.
import { useSignal } from '@preact/signals'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import type { Job } from '../../wire'
import { live } from '../../workspace/live'
import { isBusy, tryTo } from '../acts'
import { acts, mayDelegate } from '../state'
import { visible } from './log'
import './talk.css'

const say = words.job

export function Talk({ job, onSent }: { job: Job; onSent?: () => void }) {
  const text = useSignal('')
  const can = acts(job)
  const home = live.value
  if (!(can.stop || can.steer) || !home || !mayDelegate(home.role.value)) return <Question job={job} />
  const here = job.question ? say.answerHere : job.state === 'review' ? say.wishHere : say.tellHere
  const send = async (event: Event) => {
    event.preventDefault()
    const said = text.value.trim()
    if (!said || !(await tryTo(job.id, 'steer', { text: said }))) return
    text.value = ''
    onSent?.()
  }
  return (
    <div class="job-talk">
      <Question job={job} />
      {can.steer && (
        <form onSubmit={send}>
          <input
            type="text"
            value={text.value}
            maxLength={20_000}
            aria-label={here}
            placeholder={here}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value
            }}
          />
          <button type="submit" disabled={!text.value.trim() || isBusy(job.id, 'steer')}>
            {job.question ? say.answer : say.tell}
          </button>
        </form>
      )}
      {can.pause && (
        <button type="button" disabled={isBusy(job.id, 'pause')} onClick={() => tryTo(job.id, 'pause')}>
          {say.pause}
        </button>
      )}
      {can.resume && (
        <button type="button" disabled={isBusy(job.id, 'resume')} onClick={() => tryTo(job.id, 'resume')}>
          {say.resume}
        </button>
      )}
      {job.pausing && job.state === 'running' && <span class="muted">{say.pausing}</span>}
    </div>
  )
}

function Question({ job }: { job: Job }) {
  if (!job.question) return null
  return (
    <div class="job-question" role="status">
      <h3>
        <Icon name="message-square" size={14} /> {say.asksTitle}
      </h3>
      <p>{visible(job.question)}</p>
    </div>
  )
}
