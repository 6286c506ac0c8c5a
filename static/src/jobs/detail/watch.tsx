// The files a job writes, and one of them live, read only, while it writes it.
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { problemOf } from '../../net/problem'
import { Icon } from '../../ui/icon'
import { lazy } from '../../ui/lazy'
import { job as say } from '../../ui/words/jobs'
import type { Job, JobOps, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { groupOf } from '../state'
import { visible } from './log'

type Written = JobOps['job.files'][1]['files']

const Follow = lazy(() => import('./follow').then((part) => part.Follow))

export function Watch({ job }: { job: Job }) {
  const files = useSignal<Written | null>(null)
  const problem = useSignal<Problem | null>(null)
  const path = useSignal<string | null>(null)
  useSignalEffect(() => {
    void live.value?.snapshot.value
    const stop = keep(job.id, files, problem)
    return stop
  })
  if (problem.value) return null // an older server, or a job whose worktree is gone: the log still says what it did
  return (
    <section class="job-watch" aria-label={say.files}>
      <h3>{say.files}</h3>
      {files.value && !files.value.length && (
        <p class="muted">{groupOf(job.state) === 'active' ? say.noFiles : say.noFilesEver}</p>
      )}
      {files.value && files.value.length > 0 && (
        <ul>
          {files.value.map((file) => (
            <li key={file.path}>
              <button
                type="button"
                class="quiet job-link"
                aria-label={say.watch(visible(file.path))}
                aria-pressed={path.value === file.path}
                disabled={file.gone}
                onClick={() => {
                  path.value = path.peek() === file.path ? null : file.path
                }}
              >
                <Icon name="file-text" size={14} /> {visible(file.path)}
              </button>
            </li>
          ))}
        </ul>
      )}
      {path.value && <Follow key={path.value} job={job.id} path={path.value} onClose={() => (path.value = null)} />}
    </section>
  )
}

const EVERY = 1500 // ms at most between two looks while it moves

function keep(job: string, files: Signal<Written | null>, problem: Signal<Problem | null>): () => void {
  const home = live.peek()
  let gone = false
  let later: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    later = undefined
    home?.call('job.files', { job }).then(
      (answer) => {
        if (!gone) files.value = answer.files
      },
      (error: unknown) => {
        if (!gone) problem.value = problemOf(error)
      },
    )
  }
  look()
  const stop = home?.on((event) => {
    const mine = (event.type === 'job' && event.job.id === job) || (event.type === 'job.event' && event.job === job)
    if (mine) later ??= setTimeout(look, EVERY)
  })
  return () => {
    gone = true
    clearTimeout(later)
    stop?.()
  }
}
