// The screen of a workspace: header, rail, side bar, editor, session, bottom panel, status bar.
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import '../comments/commands'
import { waiting } from '../comments/state'
import '../documents/conflict/conflict'
import '../documents/detached'
import '../documents/proposals/proposals'
import '../history/blame'
import { compared } from '../history/compared'
import { post, Refusal, signIn } from '../net/http'
import '../sessions/inline/paused'
import { Empty } from '../ui/empty'
import { Icon, type IconName } from '../ui/icon'
import { later, loadRest } from '../ui/lazy'
import { toast } from '../ui/toast'
import { words as own } from '../ui/words/documents'
import { comments, history, git as scm } from '../ui/words/past'
import { words } from '../ui/words/shell'
import type { Id, Me } from '../wire'
import { registerCommand } from './commands'
import { Editor, Tabs } from './editor'
import { git } from './files'
import { Header } from './header'
import * as layout from './layout'
import { enter, live, opening } from './live'
import { Palette } from './palette'
import {
  ChangesSide,
  CommentsSide,
  Compare,
  HistorySide,
  JobScreen,
  JobsBoard,
  JobsPanel,
  JobsSide,
  PeopleSide,
  Review,
  SearchSide,
  SessionPanel,
} from './parts'
import { go, route } from './route'
import { Splitter } from './splitter'
import { Status } from './status'
import { FileTree } from './tree'
import './ide.css'

later(() => import('../notices/follow'))
later(() => import('../jobs/delegate/begin'))

const SIDES: Record<layout.Side, { icon: IconName; label: string; body: () => ComponentChildren }> = {
  files: { icon: 'folder', label: words.files, body: () => <FileTree /> },
  search: { icon: 'search', label: words.search, body: () => <SearchSide /> },
  changes: { icon: 'git-branch', label: scm.title, body: () => <ChangesSide /> },
  comments: { icon: 'message-square', label: comments.title, body: () => <CommentsSide /> },
  history: { icon: 'history', label: history.title, body: () => <HistorySide /> },
  jobs: { icon: 'activity', label: words.jobs, body: () => <JobsSide /> },
  people: { icon: 'users', label: words.people, body: () => <PeopleSide /> },
}
const names = Object.keys(SIDES) as layout.Side[]

export function show(side: layout.Side) {
  const same = layout.side.value === side && layout.sizes.value.sideOpen && !layout.narrow.value
  layout.side.value = side
  layout.change({ sideOpen: !same })
  layout.pane.value = 'side'
}

function Rail() {
  const badges: Partial<Record<layout.Side, { n: number; label: string; class?: string }>> = {
    changes: { n: git.value?.changes.length ?? 0, label: scm.files(git.value?.changes.length ?? 0), class: 'plain' },
    comments: { n: waiting.value.length, label: comments.waiting(waiting.value.length), class: 'you' },
    jobs: layout.jobsBadge.value,
  }
  const nameOf = (name: layout.Side) =>
    badges[name]?.n ? `${SIDES[name].label}, ${badges[name].label}` : SIDES[name].label
  return (
    <nav class="rail" aria-label="Side bars">
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class={layout.side.value === name && layout.sizes.value.sideOpen ? 'on' : ''}
          aria-label={nameOf(name)}
          aria-pressed={layout.side.value === name && layout.sizes.value.sideOpen}
          title={nameOf(name)}
          onClick={() => show(name)}
        >
          <Icon name={SIDES[name].icon} size={18} />
          {(badges[name]?.n ?? 0) > 0 && <em class={`num ${badges[name]?.class ?? ''}`}>{badges[name]?.n}</em>}
        </button>
      ))}
    </nav>
  )
}

function Notices() {
  const notices = live.value?.notices.value ?? []
  if (!notices.length) return <Empty title={words.noNotices} text={words.noNoticesText} />
  return (
    <ul class="notices">
      {notices.map((n, at) => (
        <li key={notices.length - at} class={n.tone === 'info' ? '' : n.tone}>
          <time class="num faint">{n.at.toLocaleTimeString()}</time> {n.text}
        </li>
      ))}
    </ul>
  )
}

function Bottom() {
  const tab = (name: layout.Bottom, label: string) => (
    <button
      type="button"
      aria-pressed={layout.bottom.value === name}
      class={layout.bottom.value === name ? 'on' : ''}
      onClick={() => (layout.bottom.value = name)}
    >
      {label}
    </button>
  )
  const notices = live.value?.notices.value.length ?? 0
  return (
    <section class="bottom" aria-label={words.regions.bottom}>
      <div class="bottom-tabs" role="group" aria-label={words.regions.bottom}>
        {tab('jobs', words.jobs)}
        {tab('notices', notices ? `${words.notices} ${notices}` : words.notices)}
      </div>
      <div class="bottom-body">{layout.bottom.value === 'jobs' ? <JobsPanel /> : <Notices />}</div>
    </section>
  )
}

function Panes() {
  const pane = (name: layout.Pane, icon: IconName, label: string) => (
    <button type="button" class={layout.pane.value === name ? 'on' : ''} onClick={() => (layout.pane.value = name)}>
      <Icon name={icon} size={18} />
      {label}
    </button>
  )
  return (
    <nav class="panes" aria-label="Panes">
      {pane('side', 'folder', words.files)}
      {pane('main', 'code', words.code)}
      {pane('talk', 'sparkles', words.session)}
    </nav>
  )
}

// What fills the editor area.
function Shown({ review }: { review: Id | null }) {
  const at = route.value
  const jobs = at.screen === 'workspace' ? at.jobs : undefined
  if (review) return <Review job={review} />
  if (jobs) return jobs === 'board' ? <JobsBoard /> : <JobScreen key={jobs} job={jobs} />
  return compared.value ? <Compare what={compared.value} /> : <Editor />
}

function Screen({ me, review }: { me: Me; review: Id | null }) {
  const s = layout.sizes.value
  const column = (open: boolean, width: number) => (open ? `minmax(160px, ${width}px)` : '0px')
  const columns = `48px ${column(s.sideOpen, s.side)} minmax(320px, 1fr) ${column(s.talkOpen, s.talk)}`
  const narrow = layout.narrow.value
  useEffect(() => void loadRest(), [])
  return (
    <div class={`ide pane-${layout.pane.value}`} style={{ gridTemplateColumns: columns }}>
      <Header me={me} />
      <Rail />
      {(s.sideOpen || narrow) && (
        <aside class="side" aria-label={words.regions.side}>
          {SIDES[layout.side.value].body()}
          <Splitter
            label={words.resize(words.regions.side)}
            value={s.side}
            min={160}
            max={520}
            axis="x"
            grows={1}
            onChange={(side) => layout.change({ side })}
          />
        </aside>
      )}
      <main
        class="main"
        aria-label={words.regions.main}
        style={{ gridTemplateRows: `36px minmax(0, 1fr) ${s.bottomOpen ? s.bottom : 0}px` }}
      >
        <Tabs />
        <div class="main-body">
          <Connection />
          <Shown review={review} />
        </div>
        {s.bottomOpen && (
          <div class="bottom-wrap">
            <Splitter
              label={words.resize(words.regions.bottom)}
              value={s.bottom}
              min={80}
              max={600}
              axis="y"
              grows={-1}
              onChange={(bottom) => layout.change({ bottom })}
            />
            <Bottom />
          </div>
        )}
      </main>
      {(s.talkOpen || narrow) && (
        <aside class="talk" aria-label={words.regions.talk}>
          <Splitter
            label={words.resize(words.session)}
            value={s.talk}
            min={260}
            max={720}
            axis="x"
            grows={-1}
            onChange={(talk) => layout.change({ talk })}
          />
          <SessionPanel />
        </aside>
      )}
      <Status />
      <Panes />
      <Palette />
    </div>
  )
}

export function Ide({ id, me, review }: { id: Id; me: Me; review: Id | null }) {
  useEffect(() => enter(id, me), [id])
  const { workspace, error } = opening.value
  const now = live.value?.id === id ? live.value : null
  const refused = now?.refused.value
  useEffect(() => {
    document.title = workspace ? `${workspace.name} · ${me.site}` : me.site
  }, [workspace?.name])
  if (error) return <Alone title={error.problem.message} text={error.problem.do} />
  if (refused && !keepsScreen(refused.code)) return <Alone title={refused.message} text={refused.do} />
  if (workspace?.state === 'creating')
    return <Alone title={words.creating} text={<span role="status">{workspace.progress || words.creatingText}</span>} />
  if (workspace?.state === 'failed')
    return <Alone title={words.failed} text={workspace.problem} act={() => void again(id)} />
  if (!now) return <main class="alone muted">{words.entering}</main>
  return <Screen me={me} review={review} />
}

async function again(id: Id) {
  try {
    await post(`/workspaces/${id}/retry`)
    location.reload()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'bad')
  }
}

// There is no workspace to show: what happened, and where to go.
function Alone({ title, text, act }: { title: string; text: ComponentChildren; act?: () => void }) {
  return (
    <main class="alone">
      <h1>{title}</h1>
      <p class="muted">{text}</p>
      <div class="row">
        {act && (
          <button type="button" class="primary" onClick={act}>
            {words.retry}
          </button>
        )}
        <button type="button" onClick={() => go('/')}>
          {words.home}
        </button>
      </div>
    </main>
  )
}

// Signed out, one may still read and copy what is on the screen.
const keepsScreen = (code: string) => ['signed_out', 'epoch'].includes(code)

function Connection() {
  const now = live.value
  const refused = now?.refused.value
  const state = now?.connection.value
  if (state !== 'offline' && state !== 'moving' && !refused) return null
  const away = now?.documents.unsafe ? own.offlineNowhere : own[state === 'moving' ? 'moving' : 'offlineRow']
  return (
    <p class={`banner ${refused ? 'bad' : 'warn'}`} role="status">
      <Icon name="triangle-alert" size={14} />
      <span>{refused ? `${refused.message} ${refused.do}` : away}</span>
      {refused?.code === 'signed_out' && (
        <button type="button" onClick={signIn}>
          {words.signIn}
        </button>
      )}
      {refused && refused.code !== 'signed_out' && (
        <button type="button" onClick={() => location.reload()}>
          {words.reload}
        </button>
      )}
    </p>
  )
}

// Where the focus goes in a region: its text or its rows rather than its first button.
const TARGETS = ['.cm-content', 'textarea', '[role=treeitem][tabindex="0"]', 'input:not([hidden])', 'button']

function focusRegion(by: number) {
  const regions = [...document.querySelectorAll<HTMLElement>('.rail, .side, .main-body, .bottom, .talk')]
  const at = regions.findIndex((r) => r.contains(document.activeElement))
  for (let n = 1; n <= regions.length; n++) {
    const next = regions[(at + by * n + regions.length * 2) % regions.length]
    const found = TARGETS.map((target) => next?.querySelector<HTMLElement>(target)).find(Boolean)
    if (found) return found.focus()
  }
}
const inside = () => !!live.value
registerCommand({
  id: 'view.side',
  title: 'Show or hide the side bar',
  key: 'Mod-b',
  when: inside,
  run: () => layout.toggle('sideOpen'),
})
registerCommand({
  id: 'view.bottom',
  title: 'Show or hide the bottom panel',
  key: 'Mod-j',
  when: inside,
  run: () => layout.toggle('bottomOpen'),
})
registerCommand({
  id: 'view.session',
  title: 'Show or hide the session',
  key: 'Mod-Alt-b',
  when: inside,
  run: () => layout.toggle('talkOpen'),
})
registerCommand({ id: 'view.next', title: 'Next region', key: 'F6', when: inside, run: () => focusRegion(1) })
registerCommand({
  id: 'view.previous',
  title: 'Previous region',
  key: 'Shift-F6',
  when: inside,
  run: () => focusRegion(-1),
})
for (const name of names)
  registerCommand({
    id: `side.${name}`,
    title: `Show ${SIDES[name].label.toLowerCase()}`,
    when: inside,
    run: () => show(name),
  })
registerCommand({ id: 'go.home', title: 'Home', run: () => go('/') })
