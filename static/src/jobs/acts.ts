// What people do to a job. The answer is shown by the event that follows; a refusal is told where the person looks.
import { signal } from '@preact/signals'
import { post } from '../net/http'
import { problemOf } from '../net/problem'
import { toast } from '../ui/toast'
import type { Id, Job } from '../wire'
import { jobs, settle } from './state'

export type Act = 'cancel' | 'retry' | 'discard' | 'merge' | 'pause' | 'resume' | 'steer'

/** Acts on their way, as `id act`. */
export const busy = signal<ReadonlySet<string>>(new Set())

export function isBusy(id: Id, act: Act): boolean {
  return busy.value.has(`${id} ${act}`)
}

/** Do it and return the job as it became. Throws Refusal. */
export async function perform(id: Id, act: Act, body?: unknown): Promise<Job> {
  const key = `${id} ${act}`
  const before = jobs.peek().get(id)
  busy.value = new Set(busy.peek()).add(key)
  try {
    const job = await post<Job>(`/jobs/${id}/${act}`, body)
    jobs.value = settle(jobs.peek(), before, job)
    return job
  } finally {
    busy.value = new Set([...busy.peek()].filter((one) => one !== key))
  }
}

/** Do it; say in a toast if it was refused. True if it was done. */
export async function tryTo(id: Id, act: Act, body?: unknown): Promise<boolean> {
  try {
    await perform(id, act, body)
    return true
  } catch (error) {
    const { message, do: what } = problemOf(error)
    toast([message, what].filter(Boolean).join(' '), 'bad')
    return false
  }
}
