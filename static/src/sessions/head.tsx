// The head of the session panel: the title, all sessions, a new one, and what can be done to this one.
import { useState } from 'preact/hooks'
import { Icon } from '../ui/icon'
import { Menu } from '../ui/menu'
import { words } from '../ui/words/library'
import type { SessionSummary } from '../wire'
import type { Live } from '../workspace/live'
import { tell } from './acts'
import { archive, rename, sessionMenu } from './library/acts'
import { TitleField } from './library/title'
import { mayTurn } from './mode'
import type { SessionView } from './state'
import type { Sessions } from './store'

interface Props {
  live: Live
  sessions: Sessions
  view: SessionView | null
  listed: boolean
  list: () => void
}

export function Header({ live, sessions, view, listed, list }: Props) {
  const session = view?.session ?? null
  const [editing, setEditing] = useState<string | null>(null)
  const edits = session !== null && editing === session.id
  const edit = () => session && setEditing(session.id)
  const done = (title: string | null) => {
    setEditing(null)
    if (title && session) void rename(live, sessions, session.id, title)
  }
  return (
    <header class="session-head">
      {edits ? <TitleField title={session.title} done={done} /> : <Title live={live} session={session} edit={edit} />}
      <button
        type="button"
        class="quiet session-list-button"
        title={words.sessionsTitle}
        aria-haspopup="dialog"
        aria-expanded={listed}
        onClick={list}
      >
        {words.sessions}
      </button>
      <button type="button" class="quiet" title={words.newSessionTitle} onClick={() => void tell(sessions.create())}>
        {words.newSession}
      </button>
      {session && (
        <Menu
          button={<Icon name="ellipsis" />}
          label={words.more}
          class="quiet icon"
          items={sessionMenu(live, sessions, session, edit)}
        />
      )}
    </header>
  )
}

function Title({ live, session, edit }: { live: Live; session: SessionSummary | null; edit: () => void }) {
  const title = session?.title || words.untitled
  if (!session || !mayTurn(live.role.value)) return <h2 title={title}>{title}</h2>
  return (
    <h2>
      <button
        type="button"
        class="title-button"
        title={`${title}\n${words.renameTitle} (F2)`}
        onClick={edit}
        onKeyDown={(e) => e.key === 'F2' && edit()}
      >
        {title}
      </button>
    </h2>
  )
}

/** What is particular about this session: where it was forked from, that it is archived. */
export function About({ live, sessions, session }: { live: Live; sessions: Sessions; session: SessionSummary }) {
  const { forked_from: source, archived } = session
  if (!source && !archived) return null
  return (
    <div class="session-about">
      {source && (
        <p>
          <Icon name="git-branch" size={12} /> {words.forkedFrom}{' '}
          <button
            type="button"
            class="link"
            title={words.openSource(source.title || words.untitled)}
            onClick={() => void sessions.open(source.session)}
          >
            {source.title || words.untitled}
          </button>
        </p>
      )}
      {archived && (
        <p>
          {words.archived}{' '}
          {mayTurn(live.role.value) && (
            <button type="button" class="link" onClick={() => void archive(live, sessions, session.id, false)}>
              {words.restore}
            </button>
          )}
        </p>
      )}
    </div>
  )
}
