// One workspace in the list: the whole row opens it; while it is being made the row shows how far that is.
import { useSignal } from '@preact/signals'
import { visible } from '../jobs/detail/log'
import { ago, now } from '../jobs/time'
import { del, post } from '../net/http'
import { problemOf } from '../net/problem'
import { Avatar } from '../ui/avatar'
import { Icon } from '../ui/icon'
import { Menu } from '../ui/menu'
import { toast } from '../ui/toast'
import { words } from '../ui/words/around'
import type { Person, Workspace } from '../wire'
import { go } from './route'

const say = words.home
const FACES = 4

/** The share a progress sentence names ("Receiving objects: 45 %"), between 0 and 1; null if it names none. */
export function shareIn(progress: string): number | null {
  const found = /(\d{1,3}(?:\.\d+)?)\s?%/.exec(progress)
  return found ? Math.min(1, Number(found[1]) / 100) : null
}

interface Props {
  workspace: Workspace
  onChanged: () => void
  onRemove: () => void
}

export function Row({ workspace, onChanged, onRemove }: Props) {
  if (workspace.state === 'creating') return <Making workspace={workspace} />
  if (workspace.state === 'failed') return <Failed workspace={workspace} onChanged={onChanged} />
  const follow = (event: MouseEvent) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(`/w/${workspace.id}`)
  }
  return (
    <li class="ws">
      <span class="ws-what">
        <a class="ws-name" href={`/w/${workspace.id}`} onClick={follow}>
          {visible(workspace.name)}
        </a>
        <small class="ws-origin">{origin(workspace)}</small>
      </span>
      <span class="ws-people">
        <Faces people={workspace.people_now} />
      </span>
      <span class="ws-work num">
        <Work workspace={workspace} />
      </span>
      <span class="ws-active muted num">{words.ago(ago(workspace.active_at, now.value))}</span>
      <span class="ws-more">
        <Menu
          button={<Icon name="ellipsis" size={16} />}
          class="quiet icon"
          label={say.more(visible(workspace.name))}
          items={[
            { label: say.open, run: () => go(`/w/${workspace.id}`) },
            {
              label: say.del,
              run: onRemove,
              disabled: workspace.role !== 'owner',
              why: workspace.role === 'owner' ? undefined : say.deleteWhy,
            },
          ]}
        />
      </span>
    </li>
  )
}

function origin({ source, origin: from }: Workspace): string {
  return from ? visible(from) : say.sources[source]
}

function Faces({ people }: { people: readonly Person[] }) {
  if (!people.length) return <span class="faint">{say.quiet}</span>
  return (
    <span class="faces" role="img" aria-label={say.here(people.map((one) => one.name).join(', '))}>
      {people.slice(0, FACES).map((one) => (
        <Avatar key={one.id} person={one} size={22} />
      ))}
      {people.length > FACES && <small class="num">{say.morePeople(people.length - FACES)}</small>}
    </span>
  )
}

function Work({ workspace: { jobs_running: running, to_review: waiting } }: { workspace: Workspace }) {
  if (!running && !waiting) return <span class="faint">{say.quiet}</span>
  return (
    <>
      {running > 0 && (
        <span class="ws-running" title={say.runningLabel(running)}>
          {say.running(running)}
        </span>
      )}
      {waiting > 0 && (
        <span class="ws-waiting" title={say.reviewsLabel(waiting)}>
          {say.reviews(waiting)}
        </span>
      )}
    </>
  )
}

function Making({ workspace }: { workspace: Workspace }) {
  const share = shareIn(workspace.progress)
  return (
    <li class="ws ws-wide" aria-busy="true">
      <span class="ws-what">
        <span class="ws-name">{visible(workspace.name)}</span>
        <small class="ws-origin">{origin(workspace)}</small>
      </span>
      <Progress text={workspace.progress} share={share} />
    </li>
  )
}

/** What creation is doing, in words and, where it says how much, as a meter. */
export function Progress({ text, share }: { text: string; share: number | null }) {
  const percent = share === null ? undefined : Math.round(share * 100)
  return (
    <span class="ws-progress">
      <small class="num" role="status">
        {visible(text) || say.creating}
      </small>
      <span
        class="ws-meter"
        role="progressbar"
        aria-label={say.creating}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        data-unknown={share === null}
      >
        <i style={{ transform: `scaleX(${share ?? 1})` }} />
      </span>
    </span>
  )
}

function Failed({ workspace, onChanged }: { workspace: Workspace; onChanged: () => void }) {
  const busy = useSignal(false)
  const attempt = async (ask: () => Promise<unknown>) => {
    busy.value = true
    try {
      await ask()
    } catch (error) {
      const { message, do: what } = problemOf(error)
      toast([message, what].filter(Boolean).join(' '), 'bad')
    }
    busy.value = false
    onChanged()
  }
  return (
    <li class="ws ws-wide ws-failed">
      <span class="ws-what">
        <span class="ws-name">{visible(workspace.name)}</span>
        <small class="ws-origin">{origin(workspace)}</small>
      </span>
      <span class="ws-problem">
        <Icon name="triangle-alert" size={14} />
        <span>
          <b>{say.failed}.</b> {visible(workspace.problem)}
        </span>
      </span>
      <span class="ws-fix">
        {workspace.source !== 'upload' && (
          <button
            type="button"
            disabled={busy.value}
            onClick={() => attempt(() => post(`/workspaces/${workspace.id}/retry`))}
          >
            {words.retry}
          </button>
        )}
        <button
          type="button"
          class="quiet"
          disabled={busy.value}
          onClick={() => attempt(() => del(`/workspaces/${workspace.id}`))}
        >
          {words.remove}
        </button>
      </span>
    </li>
  )
}
