// Jobs in the status bar: how many are at work, how far they are; a click shows them.
import './progress.css'
import { progress } from '../../notices/title'
import { words as say } from '../../ui/words/progress'
import { openBoard } from '../places'
import { counts, jobs } from '../state'

export function JobsProgress() {
  const { active, waiting } = counts.value
  if (!active) return null
  const how = progress(jobs.value.values())
  return (
    <button
      type="button"
      class={`quiet num jobs-progress${waiting ? ' warn' : ''}`}
      title={say.statusTitle(active, waiting)}
      onClick={openBoard}
    >
      {say.status(active)}
      {typeof how === 'number' && ` · ${how} %`}
    </button>
  )
}
