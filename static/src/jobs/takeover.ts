// Taking a job over and giving it back. Taken over, its work opens in the editor as soon as it is laid out there.
import { effect } from '@preact/signals'
import { proposals } from '../documents/proposals/proposals'
import { problemOf } from '../net/problem'
import { toast } from '../ui/toast'
import { job as say } from '../ui/words/jobs'
import type { Id } from '../wire'
import { live } from '../workspace/live'
import { route, toFiles } from '../workspace/route'
import { jobs } from './state'

const MOST = 6 // files opened; the others are marked in the tree

async function call(op: 'job.takeover' | 'job.giveback', job: Id): Promise<boolean> {
  try {
    await live.peek()?.call(op, { job })
    return true
  } catch (error) {
    const { message, do: what } = problemOf(error)
    toast([message, what].filter(Boolean).join(' '), 'bad')
    return false
  }
}

export const giveBack = (job: Id) => call('job.giveback', job)

export async function takeOver(job: Id) {
  if (await call('job.takeover', job)) openLaid(job)
}

/** The paths of a job's work that wait in documents, in order. */
export const laidOut = (job: Id) =>
  [...proposals.value.values()].filter((one) => one.job === job && one.document).map((one) => one.path)

/** Wait until it rests, then open what it wrote; whoever has gone elsewhere meanwhile is told only. */
function openLaid(job: Id) {
  const home = live.peek()
  let done = false
  const stop = effect(() => {
    const now = jobs.value.get(job)
    const laid = laidOut(job).length > 0
    const over = live.value !== home || !now || (now.taken_by && now.taken_by.id !== home?.me.id)
    if (done || (!over && (!laid || now.state !== 'waiting'))) return
    done = true
    queueMicrotask(() => {
      stop() // not within its own first run
      if (!over) show(job)
    })
  })
}

/** Its files in the editor, the first in front. */
export function show(job: Id) {
  const at = route.peek()
  const paths = [...new Set(laidOut(job))].slice(0, MOST)
  if (at.screen === 'workspace' && (at.review || at.jobs) && at.jobs !== job) return toast(say.laidOut)
  toFiles()
  for (const path of paths.reverse()) live.peek()?.documents.open(path)
}
