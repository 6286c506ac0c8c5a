// Home: the workspaces a person shares in, what goes on in them, and the ways to make another.
import './home.css'
import { signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { del, get } from '../net/http'
import { problemOf } from '../net/problem'
import { Dialog } from '../ui/dialog'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { toast } from '../ui/toast'
import { words } from '../ui/words/around'
import type { Me, Problem, Workspace } from '../wire'
import { CreateDialog, type Way } from './create'
import { Masthead, Welcome } from './home-parts'
import { Row } from './home-row'

const say = words.home
const FAST = 1000 // while something is being created
const SLOW = 15_000

/** Workspaces whose name or origin has every word of the query; those last active first. */
export function matching(list: readonly Workspace[], query: string): Workspace[] {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean)
  return list
    .filter(({ name, origin }) => wanted.every((word) => `${name} ${origin}`.toLowerCase().includes(word)))
    .sort((a, b) => b.active_at.localeCompare(a.active_at))
}

/** How long to wait before asking again: often only while progress is to be seen. */
export function pace(list: readonly Workspace[]): number {
  return list.some((one) => one.state === 'creating') ? FAST : SLOW
}

const me = signal<Me | null>(null)
const list = signal<Workspace[] | null>(null)
const problem = signal<Problem | null>(null)

async function load() {
  try {
    const [person, all] = await Promise.all([me.peek() ?? get<Me>('/me'), get<Workspace[]>('/workspaces')])
    me.value = person
    list.value = all
    problem.value = null
  } catch (error) {
    problem.value = problemOf(error)
  }
}

/** Ask now, then again and again at the pace the list calls for, while the page is shown. */
function usePolling() {
  useSignalEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    let over = false
    const ask = async () => {
      clearTimeout(timer)
      if (!document.hidden) await load()
      if (!over) timer = setTimeout(ask, pace(list.peek() ?? []))
    }
    const shown = () => {
      if (!document.hidden) ask()
    }
    document.addEventListener('visibilitychange', shown)
    ask()
    return () => {
      over = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', shown)
    }
  })
}

export function Home() {
  const making = useSignal<{ way: Way; now: boolean } | null>(null)
  const leaving = useSignal<Workspace | null>(null)
  usePolling()
  const start = (way: Way) => {
    making.value = { way, now: false }
  }
  return (
    <div class="home">
      <Masthead me={me.value} />
      <main class="home-main">
        {problem.value && <Failure problem={problem.value} retry={load} />}
        {!list.value && !problem.value && <Skeleton />}
        {list.value?.length === 0 && (
          <Welcome me={me.value} onStart={start} onSample={() => (making.value = { way: 'sample', now: true })} />
        )}
        {list.value && list.value.length > 0 && (
          <List all={list.value} onStart={start} onRemove={(one) => (leaving.value = one)} />
        )}
      </main>
      {me.value && <footer class="home-foot faint">{say.footer(me.value.site, me.value.version)}</footer>}
      {making.value && me.value && (
        <CreateDialog
          me={me.value}
          way={making.value.way}
          now={making.value.now}
          onClose={() => {
            making.value = null
            load()
          }}
        />
      )}
      {leaving.value && (
        <Removal
          workspace={leaving.value}
          onClose={() => {
            leaving.value = null
            load()
          }}
        />
      )}
    </div>
  )
}

interface ListProps {
  all: readonly Workspace[]
  onStart: (way: Way) => void
  onRemove: (workspace: Workspace) => void
}

function List({ all, onStart, onRemove }: ListProps) {
  const query = useSignal('')
  const box = useRef<HTMLUListElement>(null)
  const waiting = all.reduce((sum, one) => sum + one.to_review, 0)
  const found = matching(all, query.value)
  const move = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    const rows = [...(box.current?.querySelectorAll<HTMLElement>('a.ws-name') ?? [])]
    const at = rows.indexOf(document.activeElement as HTMLElement)
    rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1)))]?.focus()
    event.preventDefault()
  }
  return (
    <>
      <div class="home-bar">
        <h1>{say.title}</h1>
        {waiting > 0 && <span class="muted">{say.waiting(waiting)}</span>}
        <span class="home-find">
          <Icon name="search" size={14} />
          <input
            type="search"
            aria-label={say.search}
            placeholder={say.search}
            value={query.value}
            onInput={({ currentTarget }) => {
              query.value = currentTarget.value
            }}
            onKeyDown={move}
          />
        </span>
        <button type="button" class="primary" onClick={() => onStart('git')}>
          <Icon name="plus" size={14} /> {say.create}
        </button>
      </div>
      {found.length > 0 ? (
        <ul class="ws-list" ref={box} onKeyDown={move}>
          <li class="ws ws-head" aria-hidden="true">
            <span>{say.columns.name}</span>
            <span>{say.columns.people}</span>
            <span>{say.columns.work}</span>
            <span class="ws-active">{say.columns.active}</span>
          </li>
          {found.map((one) => (
            <Row key={one.id} workspace={one} onChanged={load} onRemove={() => onRemove(one)} />
          ))}
        </ul>
      ) : (
        <Empty
          title={say.noMatch(query.value)}
          text={say.noMatchText}
          act={{
            label: say.clear,
            run: () => {
              query.value = ''
            },
          }}
        />
      )}
    </>
  )
}

function Removal({ workspace, onClose }: { workspace: Workspace; onClose: () => void }) {
  const busy = useSignal(false)
  const failure = useSignal<Problem | null>(null)
  const lost = useComputed(() => say.deleteLost(workspace))
  const remove = async () => {
    busy.value = true
    try {
      await del(`/workspaces/${workspace.id}`)
      toast(say.deleted(workspace.name))
      onClose()
    } catch (error) {
      failure.value = problemOf(error)
      busy.value = false
    }
  }
  const footer = (
    <>
      <button type="button" class="quiet" onClick={onClose}>
        {words.cancel}
      </button>
      <button type="button" class="danger" disabled={busy.value} onClick={remove}>
        {busy.value ? say.deleting : say.deleteDo}
      </button>
    </>
  )
  return (
    <Dialog title={say.deleteTitle(workspace.name)} open onClose={onClose} footer={footer}>
      <p>{say.deleteText}</p>
      <ul class="home-lost">
        {lost.value.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {workspace.people_now.length > 0 && <p class="home-warn">{say.deletePeople(workspace.people_now.length)}</p>}
      {failure.value && <Failure problem={failure.value} />}
    </Dialog>
  )
}
