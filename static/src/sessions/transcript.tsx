// The transcript: who said and did what. It stays at the bottom only for a reader who is there.
import type { ComponentChildren, RefObject } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Avatar } from '../ui/avatar'
import { Icon } from '../ui/icon'
import { words } from '../ui/words/sessions'
import type { Item, Mention, Turn } from '../wire'
import { Card } from './card'
import { figures } from './figures'
import { Markdown } from './markdown'
import { labelOf } from './mentions'
import { type Row, rowsOf } from './rows'
import { sought } from './show'
import { runningTurn, type SessionView } from './state'
import { still } from './still'

type Person = Extract<Item, { kind: 'person' }>

export interface TranscriptActs {
  openPath: (path: string, proposal?: string) => void
  retry: (item: Person) => void
  /** Whether people put this turn's code blocks into files themselves: its model cannot. */
  byHand: (turn: Turn) => boolean
  applyTo: { path: string; name: string; label: string; why: string }
  apply: (item: string, block: number) => Promise<void>
  /** The button that takes a turn back; nothing for people who may not. */
  back: (turn: string, undone: boolean) => ComponentChildren
}

const NEAR = 32 // px from the bottom that still count as being there

export function Transcript({ view, acts }: { view: SessionView; acts: TranscriptActs }) {
  const rows = useMemo(() => rowsOf(view), [view])
  const { box, away, scrolled, down } = useStick(view)
  useSought(box, view)
  return (
    <div class="transcript">
      <div
        class="transcript-log"
        role="log"
        aria-label={words.transcript}
        aria-busy={runningTurn(view) !== null}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard
        tabIndex={0}
        ref={box}
        onScroll={scrolled}
      >
        <div class="transcript-rows">
          {rows.map((row) => (
            <RowView key={row.key} row={row} acts={acts} />
          ))}
          {view.queue.map((entry) => (
            <Say key={entry.id} who={entry.by} name={entry.by.name} about={words.queued}>
              <p class="said">{entry.text}</p>
            </Say>
          ))}
        </div>
      </div>
      {away && (
        <button type="button" class="transcript-latest" onClick={down}>
          <Icon name="arrow-down" size={14} /> {words.latest}
        </button>
      )}
    </div>
  )
}

/** Keep the end in sight while the reader is at the end; tell when they are away from it. */
function useStick(view: SessionView) {
  const box = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  const [away, setAway] = useState(false)
  const down = () => {
    stuck.current = true
    setAway(false)
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }
  const scrolled = () => {
    const log = box.current
    if (!log) return
    stuck.current = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR
    setAway(!stuck.current)
  }
  useLayoutEffect(() => {
    const log = box.current
    if (log && stuck.current) log.scrollTop = log.scrollHeight
  }, [view])
  // Another session starts at its end; colours and a narrower panel change heights without a new view.
  useLayoutEffect(() => {
    down()
    const inner = box.current?.firstElementChild
    if (!inner || typeof ResizeObserver === 'undefined') return
    const watch = new ResizeObserver(() => {
      if (stuck.current && box.current) box.current.scrollTop = box.current.scrollHeight
    })
    watch.observe(inner)
    return () => watch.disconnect()
  }, [view.session.id])
  return { box, away, scrolled, down }
}

/** Bring the turn somebody looks for into view, as soon as it is there. */
function useSought(box: RefObject<HTMLDivElement | null>, view: SessionView) {
  const turn = sought.value
  useEffect(() => {
    const log = box.current
    const row = turn && log?.querySelector<HTMLElement>(`[data-turn="${CSS.escape(turn)}"]`)
    if (!log || !row) return
    sought.value = null
    row.tabIndex = -1
    row.focus({ preventScroll: true })
    // By hand: scrollIntoView would move what is around the log too.
    log.scrollTop += row.getBoundingClientRect().top - log.getBoundingClientRect().top - 8
  }, [turn, view])
}

function RowView({ row, acts }: { row: Row; acts: TranscriptActs }) {
  if (row.kind === 'person') return <PersonRow item={row.item} turn={row.turn} />
  if (row.kind === 'note') return <NoteRow row={row} acts={acts} />
  if (row.kind === 'back') return acts.back(row.turn.id, row.undone)
  return <ModelRow row={row} acts={acts} />
}

interface SayProps {
  who: Parameters<typeof Avatar>[0]['person']
  name: string
  about: string
  turn?: string | undefined
  live?: boolean
  children?: preact.ComponentChildren
}

function Say({ who, name, about, turn, live, children }: SayProps) {
  return (
    <article class="say" data-turn={turn}>
      <Avatar person={who} size={22} />
      <div>
        <h3>
          {name} <span class={live ? 'num live' : 'num'}>{about}</span>
        </h3>
        {children}
      </div>
    </article>
  )
}

const PersonRow = still(({ item, turn }: { item: Person; turn: Turn | null }) => {
  const { text, steer, taken, missed, mentions } = item.data
  const about = [clock(item.created_at)]
  if (steer) about.push(taken ? words.steersTaken : missed ? words.steersMissed : words.steersWaiting)
  else if (turn?.kind === 'inline') about.push(words.inlineAsk)
  else if (turn?.kind === 'apply') about.push(words.applyAsk)
  const person = item.author ?? { id: 0, name: words.someone, colour: 0 }
  return (
    <Say who={person} name={person.name} about={about.join(' · ')} turn={item.turn}>
      <p class="said">{text}</p>
      {mentions && mentions.length > 0 && <Mentions list={mentions} />}
    </Say>
  )
})

function Mentions({ list }: { list: Mention[] }) {
  return (
    <p class="chips">
      {list.map((mention) => (
        <span class="chip">
          <Icon name={mention.kind === 'file' ? 'file' : 'text-cursor'} size={12} /> {labelOf(mention)}
        </span>
      ))}
    </p>
  )
}

function ModelRow({ row, acts }: { row: Row & { kind: 'model' }; acts: TranscriptActs }) {
  const { turn, parts, live } = row
  return (
    <Say who="model" name={words.model} about={row.headed && turn ? figures(turn) : ''} turn={turn?.id} live={live}>
      {parts.map((part, at) =>
        part.kind === 'card' ? (
          <Card key={part.items[0]?.id ?? at} items={part.items} openPath={acts.openPath} />
        ) : (
          <Answer
            key={part.item.id}
            id={part.item.id}
            turn={turn}
            text={part.item.data.text}
            live={live && at === parts.length - 1}
            acts={acts}
          />
        ),
      )}
      {live && parts.length === 0 && <p class="waiting">{words.waiting}</p>}
    </Say>
  )
}

interface AnswerProps {
  id: string
  turn: Turn | null
  text: string
  live: boolean
  acts: TranscriptActs
}

function Answer({ id, turn, text, live, acts }: AnswerProps) {
  const target = turn && acts.byHand(turn) ? acts.applyTo : null
  const run = acts.apply
  const apply = useMemo(
    () => target && { name: target.name, label: target.label, why: target.why, run: (block: number) => run(id, block) },
    [target?.label, target?.why, target?.path, run, id],
  )
  return <Markdown text={text} live={live} apply={apply} />
}

const SIGNS = { info: 'info', warn: 'triangle-alert', bad: 'circle-alert' } as const

function NoteRow({ row, acts }: { row: Row & { kind: 'note' }; acts: TranscriptActs }) {
  const { retry } = row
  return (
    <div class={`note ${row.tone}`}>
      <Icon name={SIGNS[row.tone]} size={14} />
      <p>{row.text || (row.turn && words.ended(row.turn))}</p>
      {retry && (
        <button type="button" title={words.retryTitle} onClick={() => acts.retry(retry)}>
          {words.retry}
        </button>
      )}
    </div>
  )
}

function clock(time: string): string {
  return new Date(time).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })
}
