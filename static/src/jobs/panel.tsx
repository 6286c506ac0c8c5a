// The body of the bottom panel's tab Jobs: one line a job, live for everyone.
import './jobs.css'
import { Empty } from '../ui/empty'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/around'
import { board } from '../ui/words/jobs'
import { live } from '../workspace/live'
import { delegateInSide, delegating } from './delegate/begin'
import { openBoard } from './places'
import { JobRow } from './row'
import { jobs, mayDelegate, ordered } from './state'

const SHOWN = 50 // the board has them all

export function JobsPanel() {
  const home = live.value
  const all = ordered(jobs.value)
  if (!home?.snapshot.value && !all.length) return <Skeleton />
  if (!all.length) {
    const may = home !== null && mayDelegate(home.role.value)
    const act = may && !delegating.value ? { act: { label: words.job.delegate, run: delegateInSide } } : {}
    return <Empty title={words.job.empty} text={may ? words.job.emptyText : words.job.emptyRead} {...act} />
  }
  return (
    <>
      <ul class="jobs" aria-label={words.job.list}>
        {all.slice(0, SHOWN).map((job) => (
          <JobRow key={job.id} job={job} />
        ))}
      </ul>
      {all.length > SHOWN && (
        <button type="button" class="quiet jobs-more" onClick={openBoard}>
          {board.more(all.length - SHOWN)}
        </button>
      )}
    </>
  )
}
