// What people do to a whole session: rename, archive, fork, take along.
import type { MenuItem } from '../../ui/menu'
import { toast } from '../../ui/toast'
import { words } from '../../ui/words/library'
import type { Id, SessionSummary, Turn } from '../../wire'
import type { Live } from '../../workspace/live'
import { tell } from '../acts'
import { mayTurn } from '../mode'
import { say } from '../say'
import type { Sessions } from '../store'

export async function rename(live: Live, sessions: Sessions, session: Id, title: string): Promise<void> {
  const answer = await tell(live.call('session.rename', { session, title }))
  if (answer) sessions.told(answer.session)
}

export async function archive(live: Live, sessions: Sessions, session: Id, archived: boolean): Promise<void> {
  const answer = await tell(live.call('session.archive', { session, archived }))
  if (answer) sessions.told(answer.session)
}

export async function fork(live: Live, sessions: Sessions, session: Id, turn: Id): Promise<void> {
  const answer = await tell(live.call('session.fork', { session, turn }))
  if (!answer) return
  sessions.told(answer.session)
  await sessions.open(answer.session.id)
  say(words.forkMade)
}

/** The browser asks the person where to, or keeps it with its downloads. */
export function download(workspace: Id, session: Id, format: 'markdown' | 'json'): void {
  const link = document.createElement('a')
  link.href = `/api/workspaces/${workspace}/sessions/${session}/export?format=${format}`
  link.download = ''
  link.click()
}

/** What can be done with one turn of the session on screen. */
export function turnMenu(live: Live, sessions: Sessions, turn: Turn, text: string): MenuItem[] {
  const running = turn.state === 'running'
  return [
    ...(mayTurn(live.role.value)
      ? [
          {
            label: words.fork,
            run: () => void fork(live, sessions, turn.session, turn.id),
            disabled: running,
            why: running ? words.forkRunning : words.forkTitle,
          },
        ]
      : []),
    { label: words.copyMessage, run: () => void copy(text) },
    { label: words.copyAnswer, run: () => void copy(answerOf(sessions, turn.id)) },
  ]
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text)
  toast(words.copied)
}

function answerOf(sessions: Sessions, turn: Id): string {
  const items = sessions.view.peek()?.items ?? []
  return items.flatMap((item) => (item.turn === turn && item.kind === 'model' ? [item.data.text] : [])).join('\n\n')
}

/** The acts as entries of a menu; `edit` begins to rename in place. */
export function sessionMenu(live: Live, sessions: Sessions, session: SessionSummary, edit: () => void): MenuItem[] {
  const may = mayTurn(live.role.value)
  const { id, archived } = session
  return [
    ...(may
      ? [
          { label: words.rename, run: edit, hint: 'F2' },
          {
            label: archived ? words.restore : words.archive,
            run: () => void archive(live, sessions, id, !archived),
          },
        ]
      : []),
    { label: words.exportMarkdown, run: () => download(live.id, id, 'markdown') },
    { label: words.exportJson, run: () => download(live.id, id, 'json') },
  ]
}
