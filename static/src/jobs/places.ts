// Where the screens of jobs are.
import type { Id, Job } from '../wire'
import { pane } from '../workspace/layout'
import { live } from '../workspace/live'
import { go } from '../workspace/route'
import { acts } from './state'

function to(rest: string) {
  const home = live.peek()
  if (!home) return
  pane.value = 'main'
  go(`/w/${home.id}/${rest}`)
}

export const openBoard = () => to('jobs')
export const openJob = (id: Id) => to(`jobs/${id}`)
export const openReview = (id: Id) => to(`review/${id}`)

/** A job that is over: its result, or what it did where it has none. */
export const openEnded = (job: Job) => (acts(job).show ? openReview(job.id) : openJob(job.id))
