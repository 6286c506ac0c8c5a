// The rows of the transcript: what a person said, what the model said and did, what Tandem notes.
import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { Avatar } from '../../ui/avatar'
import { Icon } from '../../ui/icon'
import { Menu, type MenuItem } from '../../ui/menu'
import { fullTime, words as own } from '../../ui/words/library'
import { words as limits } from '../../ui/words/limits'
import { words } from '../../ui/words/sessions'
import type { Item, Person, Time, Turn } from '../../wire'
import { MentionChips } from '../attachments/chips'
import { Pictures } from '../attachments/pictures'
import type { Felt } from '../figures'
import { Card } from './card'
import { Markdown } from './markdown'
import type { NoteRow, Of, Row } from './rows'
import { still } from './still'
import { Foot } from './times'

type Said = Extract<Item, { kind: 'person' }>

export interface TranscriptActs {
  openPath: (path: string, proposal?: string) => void
  openAt: (path: string, line: number) => void
  retry: (item: Said) => void
  /** Whether people put this turn's code blocks into files themselves: its model cannot. */
  byHand: (turn: Turn) => boolean
  applyTo: { path: string; name: string; label: string; why: string }
  apply: (item: string, block: number) => Promise<void>
  /** The button that takes a turn back; nothing for people who may not. */
  back: (turn: string, undone: boolean, restored: boolean) => ComponentChildren
  /** What can be done with a turn. */
  menu: (turn: Turn, text: string) => MenuItem[]
  /** What it waits for, if its call waits for its model's limits. */
  inLine: (turn: string | undefined) => string
  /** Milliseconds this browser measured of a turn. */
  felt: (turn: string) => Felt
}

export function RowView({ row, acts }: { row: Row; acts: TranscriptActs }) {
  if (row.kind === 'person') return <PersonRow item={row.item} turn={row.turn} first={row.first} acts={acts} />
  if (row.kind === 'note') return <Note row={row} acts={acts} />
  if (row.kind === 'back') return acts.back(row.turn.id, row.undone, row.restored)
  return <ModelRow row={row} acts={acts} />
}

interface SayProps {
  who: Person | 'model'
  name: string
  at?: Time | undefined
  about: string
  turn?: string | undefined
  live?: boolean
  menu?: ComponentChildren
  children?: ComponentChildren
}

export function Say({ who, name, at, about, turn, live, menu, children }: SayProps) {
  return (
    <article class="say" data-row data-turn={turn} tabIndex={-1} aria-label={at ? `${name}, ${clock(at)}` : name}>
      <Avatar person={who} size={22} />
      <div>
        <div class="say-head">
          <h3>
            {name}{' '}
            <span class={live ? 'num live' : 'num'}>
              {at && (
                <time dateTime={at} title={fullTime(at)}>
                  {clock(at)}
                </time>
              )}
              {at && about && ' · '}
              {about}
            </span>
          </h3>
          {menu}
        </div>
        {children}
      </div>
    </article>
  )
}

interface PersonProps {
  item: Said
  turn: Turn | null
  first: boolean
  acts: TranscriptActs
}

const PersonRow = still(({ item, turn, first, acts }: PersonProps) => {
  const { text, mentions, pictures } = item.data
  const person = item.author ?? { id: 0, name: words.someone, colour: 0 }
  const menu = first && turn && (
    <Menu
      button={<Icon name="ellipsis" size={14} />}
      label={own.turnMenu}
      class="quiet icon say-menu"
      items={acts.menu(turn, text)}
    />
  )
  return (
    <Say who={person} name={person.name} at={item.created_at} about={aboutOf(item, turn)} turn={item.turn} menu={menu}>
      {item.data.typed ? <Typed data={item.data} typed={item.data.typed} /> : <p class="said">{text}</p>}
      {item.data.failed && <p class="said-failed">{words.notTaken(item.data.failed)}</p>}
      {pictures && pictures.length > 0 && <Pictures list={pictures} />}
      {mentions && mentions.length > 0 && <MentionChips list={mentions} />}
    </Say>
  )
})

/** What somebody typed where the model wrote, in a line; it opens to the words the model was given. */
function Typed({ data, typed }: { data: Said['data']; typed: NonNullable<Said['data']['typed']> }) {
  const { path, from, to, text } = typed
  return (
    <>
      {data.asked && <p class="said">{data.asked}</p>}
      <details class="typed">
        <summary>
          <Icon name="chevron-right" size={12} />
          <span>
            {words.typedIn(path, from, to)}
            {text && ': '}
            {text && <code>{text}</code>}
          </span>
        </summary>
        <p class="said">{data.asked ? data.text.slice(data.asked.length).trimStart() : data.text}</p>
      </details>
    </>
  )
}

function aboutOf({ data }: Said, turn: Turn | null): string {
  if (data.steer) return data.taken ? words.steersTaken : data.missed ? words.steersMissed : words.steersWaiting
  if (turn?.kind === 'inline') return words.inlineAsk
  return turn?.kind === 'apply' ? words.applyAsk : ''
}

function ModelRow({ row, acts }: { row: Row & { kind: 'model' }; acts: TranscriptActs }) {
  const { turn, parts, live, headed } = row
  const first = parts[0]
  const at = first?.kind === 'card' ? first.items[0]?.created_at : first?.item.created_at
  return (
    <Say who="model" name={words.model} at={at} about={headed && turn ? turn.endpoint : ''} turn={turn?.id} live={live}>
      {parts.map((part, n) =>
        part.kind === 'card' ? (
          <Card key={part.items[0]?.id ?? n} items={part.items} acts={acts} />
        ) : (
          <Answer key={part.item.id} item={part.item} turn={turn} live={live && n === parts.length - 1} acts={acts} />
        ),
      )}
      {live && parts.length === 0 && <p class="waiting">{acts.inLine(turn?.id) || words.waiting}</p>}
      {turn && row.last && <Foot turn={turn} live={live} felt={acts.felt(turn.id)} />}
    </Say>
  )
}

interface AnswerProps {
  item: Of<'model'>
  turn: Turn | null
  live: boolean
  acts: TranscriptActs
}

function Answer({ item, turn, live, acts }: AnswerProps) {
  const target = turn && acts.byHand(turn) ? acts.applyTo : null
  const run = acts.apply
  const apply = useMemo(
    () => target && { name: target.name, label: target.label, why: target.why, run: (at: number) => run(item.id, at) },
    [target?.label, target?.why, target?.path, run, item.id],
  )
  return <Markdown text={item.data.text} live={live} apply={apply} />
}

const SIGNS = { info: 'info', warn: 'triangle-alert', bad: 'circle-alert' } as const

function Note({ row, acts }: { row: NoteRow; acts: TranscriptActs }) {
  const { retry, item } = row
  const by = item?.data.by
  const text = row.text || (row.turn && words.ended(row.turn))
  return (
    <div class={`note ${row.tone}`} data-row tabIndex={-1}>
      <Icon name={SIGNS[row.tone]} size={14} />
      <p>
        {text} {by && !row.text.includes(by.name) && <b>{by.name}</b>}
        {item && (
          <time class="num" dateTime={item.created_at} title={fullTime(item.created_at)}>
            {clock(item.created_at)}
          </time>
        )}
      </p>
      {retry && item?.data.limit && row.began ? (
        <button
          type="button"
          title={limits.goOnTitle}
          onClick={() => acts.retry({ ...retry, data: { text: limits.goOnText } })}
        >
          {limits.goOn}
        </button>
      ) : (
        retry && (
          <button type="button" title={words.retryTitle} onClick={() => acts.retry(retry)}>
            {words.retry}
          </button>
        )
      )}
    </div>
  )
}

function clock(time: string): string {
  return new Date(time).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })
}
