// Where the screens of jobs are.
import type { Id } from '../wire'
import { pane } from '../workspace/layout'
import { live } from '../workspace/live'
import { go } from '../workspace/route'

function to(rest: string) {
  const home = live.peek()
  if (!home) return
  pane.value = 'main'
  go(`/w/${home.id}/${rest}`)
}

export const openBoard = () => to('jobs')
export const openJob = (id: Id) => to(`jobs/${id}`)
export const openReview = (id: Id) => to(`review/${id}`)
