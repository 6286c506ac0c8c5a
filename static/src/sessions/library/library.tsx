// All sessions of the workspace, over the panel: search, filter, open, rename in place, archive, take along.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Empty } from '../../ui/empty'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { Menu } from '../../ui/menu'
import { Skeleton } from '../../ui/skeleton'
import { ago, fullTime, words } from '../../ui/words/library'
import type { Id, SessionHit, SessionSummary } from '../../wire'
import type { Live } from '../../workspace/live'
import { Library } from './state'
import './library.css'
import { mayTurn } from '../mode'
import { sought } from '../show'
import type { Sessions } from '../store'
import { rename, sessionMenu } from './acts'
import { TitleField } from './title'

interface Props {
  live: Live
  sessions: Sessions
  close: () => void
}

export function SessionList({ live, sessions, close }: Props) {
  const library = useMemo(() => new Library(sessions), [sessions])
  const box = useRef<HTMLDivElement>(null)
  // Before it is painted: a key pressed at first sight is its own, so Escape closes it and stops no turn.
  useLayoutEffect(() => box.current?.querySelector('input')?.focus(), [])
  useEffect(() => {
    void library.load()
    return () => library.dispose()
  }, [library])
  const open = (session: Id, turn?: Id) => {
    close()
    if (turn) sought.value = turn
    void sessions.open(session)
  }
  return (
    <div class="library" role="dialog" aria-label={words.sessions} ref={box} onKeyDown={(e) => keys(e, close)}>
      <div class="library-head">
        <input
          type="search"
          aria-label={words.search}
          placeholder={words.search}
          value={library.query.value}
          onInput={(e) => library.search(e.currentTarget.value)}
        />
        <button type="button" class="quiet icon" aria-label={words.close} title={words.close} onClick={close}>
          <Icon name="x" />
        </button>
      </div>
      <Filter library={library} />
      <Hits library={library} live={live} sessions={sessions} open={open} />
    </div>
  )
}

function Filter({ library }: { library: Library }) {
  const archived = library.archived.value
  const choices = [
    { name: words.active, on: !archived, to: false },
    { name: words.inArchive, on: archived, to: true },
  ]
  return (
    <div class="library-filter" role="group" aria-label={words.filter}>
      {choices.map((choice) => (
        <button type="button" class="quiet" aria-pressed={choice.on} onClick={() => library.filter(choice.to)}>
          {choice.name}
        </button>
      ))}
      <Count library={library} />
    </div>
  )
}

function Count({ library }: { library: Library }) {
  const n = library.hits.value?.length
  const more = library.more.value
  const text = !n ? '' : library.query.value.trim() ? words.hits(n, more) : words.count(n, more)
  return (
    <span class="num muted" role="status">
      {text}
    </span>
  )
}

interface HitsProps {
  library: Library
  live: Live
  sessions: Sessions
  open: (session: Id, turn?: Id) => void
}

function Hits({ library, live, sessions, open }: HitsProps) {
  const hits = library.hits.value
  const problem = library.problem.value
  if (problem) return <Failure problem={problem} retry={() => void library.load()} />
  if (!hits) return <Skeleton rows={6} />
  if (!hits.length && !library.loading.value) return <Nothing library={library} />
  const current = sessions.current.value
  return (
    <div class="library-list">
      <ul>
        {hits.map((hit) => (
          <Hit key={hit.session.id} hit={hit} on={hit.session.id === current} {...{ live, sessions, open }} />
        ))}
      </ul>
      {library.more.value && (
        <button
          type="button"
          class="quiet library-more"
          disabled={library.loading.value}
          onClick={() => void library.next()}
        >
          {words.showMore}
        </button>
      )}
    </div>
  )
}

function Nothing({ library }: { library: Library }) {
  const query = library.query.value.trim()
  if (query) return <Empty title={words.noHit(query)} text={words.noHitText} />
  if (library.archived.value) return <Empty title={words.noneArchived} text={words.noneArchivedText} />
  return <Empty title={words.none} text={words.noneText} />
}

interface HitProps {
  hit: SessionHit
  on: boolean
  live: Live
  sessions: Sessions
  open: (session: Id, turn?: Id) => void
}

function Hit({ hit, on, live, sessions, open }: HitProps) {
  const { session, excerpts } = hit
  const [editing, setEditing] = useState(false)
  const edit = () => setEditing(true)
  const done = (title: string | null) => {
    setEditing(false)
    if (title) void rename(live, sessions, session.id, title)
  }
  const title = session.title || words.untitled
  return (
    <li class={on ? 'library-row on' : 'library-row'}>
      {editing ? (
        <TitleField title={session.title} done={done} />
      ) : (
        <button
          type="button"
          class="library-open"
          aria-current={on || undefined}
          onClick={() => open(session.id)}
          onKeyDown={(e) => e.key === 'F2' && mayTurn(live.role.peek()) && edit()}
        >
          <b>
            {session.running && <i class="lamp model" title={words.runningBy(session.by)} />}
            <span>{title}</span>
          </b>
          <About session={session} />
        </button>
      )}
      <Menu
        button={<Icon name="ellipsis" size={14} />}
        label={words.rowMenu(title)}
        class="quiet icon"
        items={sessionMenu(live, sessions, session, edit)}
      />
      {excerpts.map((one) => (
        <button type="button" key={one.item} class="library-excerpt" onClick={() => open(session.id, one.turn)}>
          <small>
            {words.said(one.kind, one.who)} · {ago(one.at)}
          </small>
          <span>{one.pieces.map((piece) => (piece.hit ? <mark>{piece.text}</mark> : piece.text))}</span>
        </button>
      ))}
    </li>
  )
}

function About({ session }: { session: SessionSummary }) {
  const parts = [words.by(session.owner), words.turns(session.turns)]
  if (session.forked_from) parts.push(words.forked)
  if (session.running) parts.push(words.running)
  return (
    <small class="num">
      <span>{parts.join(' · ')}</span>
      <time dateTime={session.active_at} title={fullTime(session.active_at)}>
        {ago(session.active_at)}
      </time>
    </small>
  )
}

/** Arrows go through what can be opened, from the search field on; Esc closes, unless a search is to be cleared. */
function keys(e: KeyboardEvent & { currentTarget: HTMLElement }, close: () => void): void {
  const target = e.target as HTMLElement
  if (e.key === 'Escape') {
    e.stopPropagation()
    if (target instanceof HTMLInputElement && target.type === 'search' && target.value) return
    e.preventDefault()
    close()
    return
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[e.key]
  if (!step || target.closest('.menu, .title-field')) return
  const stops = [
    ...e.currentTarget.querySelectorAll<HTMLElement>('input[type=search], .library-open, .library-excerpt'),
  ]
  const to = stops[stops.indexOf(target) + step]
  if (!to) return
  e.preventDefault()
  to.focus()
}
