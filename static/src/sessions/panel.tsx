// The right panel: the session on screen, its transcript and the composer.
import { useComputed } from '@preact/signals'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { proposals, reveal } from '../documents/proposals/proposals'
import { openModels } from '../models/show'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/sessions'
import { words as shell } from '../ui/words/shell'
import type { Endpoint, Id } from '../wire'
import { keyText } from '../workspace/commands'
import { openFile } from '../workspace/files'
import { type Live, live } from '../workspace/live'
import { ask, tell } from './acts'
import { Back } from './back'
import { Composer } from './composer/composer'
import { About, Header } from './head'
import { SessionList } from './library/library'
import { endpointOf, mayTurn } from './mode'
import { narrated } from './transcript/narrate'
import './panel.css'
import './transcript/prose.css'
import { turnMenu } from './library/acts'
import { runningTurn, type SessionView } from './state'
import { type Sessions, sessions } from './store'
import type { TranscriptActs } from './transcript/says'
import { Transcript } from './transcript/transcript'

export function SessionPanel() {
  const now = live.value
  const all = sessions.value
  if (!now || !all) return <section class="session" aria-label={words.panel} />
  return <Panel live={now} sessions={all} />
}

export function Panel({ live, sessions }: { live: Live; sessions: Sessions }) {
  const view = sessions.view.value
  const id = sessions.current.value
  const [listed, setListed] = useState(false)
  const box = useRef<HTMLElement>(null)
  const close = () => {
    setListed(false)
    box.current?.querySelector<HTMLElement>('.session-list-button')?.focus()
  }
  useEffect(() => narrated(live, sessions), [live, sessions])
  return (
    <section class="session" aria-label={words.panel} ref={box}>
      <Header live={live} sessions={sessions} view={view} listed={listed} list={() => setListed(!listed)} />
      <div class="session-under" inert={listed}>
        {view && <About live={live} sessions={sessions} session={view.session} />}
        <Body live={live} sessions={sessions} view={view} />
        <ModelLine live={live} sessions={sessions} />
        <Composer
          key={sessions.composerOf(id)}
          live={live}
          sessions={sessions}
          running={runningTurn(view)}
          session={id}
          advise={begun(view)}
        />
      </div>
      {listed && <SessionList live={live} sessions={sessions} close={close} />}
    </section>
  )
}

function Body({ live, sessions, view }: { live: Live; sessions: Sessions; view: SessionView | null }) {
  const acts = useActs(live, sessions)
  const problem = sessions.problem.value
  const id = sessions.current.value
  const older = useCallback(() => sessions.older(), [sessions])
  const reach = useCallback((turn: Id) => sessions.reach(turn), [sessions])
  if (problem && id) {
    return (
      <div class="session-body">
        <Failure problem={problem} retry={() => void sessions.open(id)} />
      </div>
    )
  }
  if (view && begun(view)) return <Transcript view={view} acts={acts} older={older} reach={reach} />
  return <div class="session-body">{id && !view ? <Skeleton /> : <Start live={live} sessions={sessions} />}</div>
}

function begun(view: SessionView | null): boolean {
  return view !== null && view.items.length + view.turns.length > 0
}

/** Nothing said yet: what to ask, and the key that asks from the code. */
function Start({ live, sessions }: { live: Live; sessions: Sessions }) {
  const models = live.models.value
  const doc = live.documents.active.value
  if (models && !models.endpoints.length) return <Empty title={words.noModelTitle} text={models.advice} />
  const start = (text: string) => {
    const path = doc?.path.peek()
    void ask(live, sessions, { text, mentions: path ? [{ kind: 'file', path }] : [] })
  }
  return (
    <>
      <Empty title={words.emptyTitle} text={words.emptyText} />
      <p class="session-hint">
        {words.emptyKey[0]} <kbd>{keyText('Mod-k')}</kbd> {words.emptyKey[1]}
      </p>
      {doc && mayAsk(live) && (
        <div class="session-asks">
          {words.asks.map((text) => (
            <button type="button" onClick={() => start(text)}>
              {text}
            </button>
          ))}
        </div>
      )}
    </>
  )
}

function mayAsk(live: Live): boolean {
  return live.connection.value === 'live' && mayTurn(live.role.value)
}

/** What the model in use cannot do, said plainly, and how to connect a better one. */
function ModelLine({ live, sessions }: { live: Live; sessions: Sessions }) {
  const models = live.models.value
  const endpoint = chosen(live, sessions)
  if (!endpoint || !(endpoint.builtin || endpoint.scripted)) return null
  return (
    <div class="model-line">
      <p>{endpoint.builtin ? words.builtinLine : words.scriptedLine}</p>
      {models?.advice && (
        <details>
          <summary>{words.builtinMore}</summary>
          <p>{models.advice}</p>
          <button type="button" onClick={() => openModels()}>
            {shell.models}
          </button>
        </details>
      )}
    </div>
  )
}

function chosen(live: Live, sessions: Sessions): Endpoint | null {
  return endpointOf(live.models.value, sessions.picked.value)
}

function useActs(live: Live, sessions: Sessions): TranscriptActs {
  const doc = live.documents.active.value
  const path = doc?.path.value ?? ''
  const why = !doc ? words.applyNoFile : doc.access.value === 'read' ? words.applyRead : ''
  const part = useComputed(() => (live.documents.active.value?.cursorAt.value.selected ?? 0) > 0).value
  const endpoints = live.models.value?.endpoints
  const may = mayTurn(live.role.value)
  const openPath = useCallback(
    async (to: string, proposal?: Id) => {
      const opened = await tell(live.documents.open(to, { focus: true }))
      if (opened) reveal(opened, proposal ? (proposals.peek().get(proposal) ?? null) : null)
    },
    [live],
  )
  const apply = useCallback(
    async (item: Id, block: number) => {
      const active = live.documents.active.peek()
      const session = sessions.current.peek()
      if (!active || !session) return
      const { from, to } = active.selection()
      const part = from === to ? {} : { from: active.anchorAt(from, 0), to: active.anchorAt(to, -1) }
      await tell(live.call('block.apply', { session, item, block, path: active.path.peek(), ...part }))
    },
    [live, sessions],
  )
  return useMemo(
    () => ({
      openPath,
      openAt: (path, line) => void openFile(path, line),
      apply,
      menu: (turn, text) => turnMenu(live, sessions, turn, text),
      inLine: (turn) => {
        const line = sessions.view.value?.waiting
        return line && line.turn === turn ? words.inLine(line.place, line.why) : ''
      },
      felt: (turn) => sessions.felt(turn),
      retry: ({ data: { text, mentions = [], pictures = [] } }) =>
        void ask(live, sessions, {
          text,
          mentions,
          pictures: pictures.map((one) => one.id),
          endpoint: endpointOf(live.models.peek(), sessions.picked.peek())?.id, // that of the composer, as it is now
        }),
      byHand: (turn) => turn.builtin || endpoints?.find((one) => one.name === turn.endpoint)?.drives_tools === false,
      back: (turn, undone, restored) => may && <Back key={turn} {...{ live, turn, undone, restored }} />,
      applyTo: {
        path,
        why,
        name: part ? words.applyToPart : words.applyToFile,
        label: part ? words.applyToSelection(path) : words.applyToPath(path),
      },
    }),
    [live, sessions, openPath, apply, endpoints, may, part, path, why],
  )
}
