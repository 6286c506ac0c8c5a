// The body of the bottom panel's tab Jobs: one line a job, live for everyone.
import './jobs.css'
import { Empty } from '../ui/empty'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/around'
import { live } from '../workspace/live'
import { JobRow } from './row'
import { jobs, mayDelegate, ordered } from './state'

export function JobsPanel() {
  const home = live.value
  const all = ordered(jobs.value)
  if (!home?.snapshot.value && !all.length) return <Skeleton />
  if (!all.length) {
    const may = home && mayDelegate(home.role.value)
    return <Empty title={words.job.empty} text={may ? words.job.emptyText : words.job.emptyRead} />
  }
  return (
    <ul class="jobs" aria-label={words.job.list}>
      {all.map((job) => (
        <JobRow key={job.id} job={job} />
      ))}
    </ul>
  )
}
