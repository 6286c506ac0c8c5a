// The side bar Jobs: the form that delegates, and the jobs of the workspace by what they wait for.
import './jobs.css'
import { Empty } from '../ui/empty'
import { Icon } from '../ui/icon'
import { words } from '../ui/words/around'
import { board } from '../ui/words/jobs'
import { live } from '../workspace/live'
import { delegate, delegating } from './delegate/begin'
import { Delegate } from './delegate/delegate'
import { openBoard } from './places'
import { JobRow } from './row'
import { grouped, jobs, mayDelegate } from './state'

const say = words.job
const SHOWN = 30 // of a group; the board has them all

export function JobsSide() {
  const home = live.value
  const groups = grouped(jobs.value)
  const may = home !== null && mayDelegate(home.role.value)
  return (
    <div class="side-body jobs-side">
      <div class="side-head">
        <h2>{say.title}</h2>
        <button type="button" class="quiet icon" aria-label={board.open} title={board.open} onClick={openBoard}>
          <Icon name="list" size={14} />
        </button>
        {may && !delegating.value && groups.length > 0 && (
          <button type="button" onClick={() => delegate()}>
            <Icon name="plus" size={14} /> {say.delegate}
          </button>
        )}
      </div>
      {may && delegating.value && <Delegate />}
      {home && !may && <p class="small muted jobs-note">{say.mayNot}</p>}
      {!groups.length && !delegating.value && (
        <Empty
          title={say.empty}
          text={may ? say.emptyText : say.emptyRead}
          {...(may && { act: { label: say.delegate, run: delegate } })}
        />
      )}
      {groups.map(({ group, jobs: list }) => (
        <section key={group}>
          <h3>
            {say.groups[group]} <span class="faint num">{list.length}</span>
          </h3>
          <ul class="jobs">
            {list.slice(0, SHOWN).map((job) => (
              <JobRow key={job.id} job={job} />
            ))}
          </ul>
          {list.length > SHOWN && (
            <button type="button" class="quiet jobs-more" onClick={openBoard}>
              {board.more(list.length - SHOWN)}
            </button>
          )}
        </section>
      ))}
    </div>
  )
}
