// All jobs by state, the whole editor area wide. Arrow keys go from card to card; long columns show more when asked.
import './board.css'
import { type Signal, signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { get, Refusal } from '../../net/http'
import { sessions } from '../../sessions/store'
import { Empty } from '../../ui/empty'
import { Icon } from '../../ui/icon'
import { Skeleton } from '../../ui/skeleton'
import { words } from '../../ui/words/around'
import { board as say } from '../../ui/words/jobs'
import type { Id, Job } from '../../wire'
import { pane } from '../../workspace/layout'
import { live } from '../../workspace/live'
import { toFiles } from '../../workspace/route'
import { delegate, delegating } from '../delegate/begin'
import { Delegate } from '../delegate/delegate'
import { openJob } from '../places'
import { jobs, mayDelegate, put } from '../state'
import { Card } from './card'
import { COLUMNS, type Column, columns, filtered, type Step, stepOf, type Which } from './model'

const SHOWN = 25
const KEYS: readonly string[] = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End']

const which = signal<Which>('all')
const text = signal('')

/** The snapshot has the newest jobs; the board asks for the others once. */
function useAll() {
  useSignalEffect(() => {
    const home = live.value
    if (!home?.snapshot.value) return
    get<Job[]>(`/workspaces/${home.id}/jobs`).then(
      (all) => {
        jobs.value = all.filter((job) => !jobs.peek().has(job.id)).reduce(put, jobs.peek())
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error // the snapshot's are there
      },
    )
  })
}

export function JobsBoard() {
  useAll()
  const home = live.value
  const more = useSignal<Partial<Record<Column, number>>>({})
  const current = useSignal<Id | null>(null)
  const shown = useComputed(() => {
    const filter = {
      which: which.value,
      text: text.value,
      me: live.value?.me.id ?? 0,
      session: sessions.value?.current.value ?? null,
    }
    const matching = filtered(jobs.value.values(), filter)
    return { matching, columns: columns(matching) }
  })
  const box = useRef<HTMLDivElement>(null)
  const by = shown.value.columns
  const cut = (name: Column) => by[name].slice(0, more.value[name] ?? SHOWN)
  const first = COLUMNS.map((name) => by[name][0]?.id).find(Boolean) ?? null
  const focused = current.value && jobs.value.has(current.value) ? current.value : first
  const press = (event: KeyboardEvent) => {
    const card = (event.target as HTMLElement).closest<HTMLElement>('[data-job]')
    if (!card || !KEYS.includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    const ids = COLUMNS.map((name) => cut(name).map((job) => job.id))
    current.value = stepOf(ids, card.dataset.job ?? '', event.key as Step)
    box.current?.querySelector<HTMLElement>(`[data-job="${current.value}"] .card-open`)?.focus()
  }
  const all = [...jobs.value.values()].filter((job) => !job.parent).length
  const may = home !== null && mayDelegate(home.role.value)
  return (
    <section class="board" aria-label={say.title}>
      <Head shown={shown.value.matching.filter((job) => !job.parent).length} all={all} />
      {delegating.value && (
        <div class="board-form">
          <Delegate />
        </div>
      )}
      {!home?.snapshot.value && !all && <Skeleton />}
      {home?.snapshot.value && !all && !delegating.value && (
        <Empty
          title={words.job.empty}
          text={may ? words.job.emptyText : words.job.emptyRead}
          {...(may && { act: { label: words.job.delegate, run: delegate } })}
        />
      )}
      {all > 0 && !shown.value.matching.length && (
        <Empty title={say.nothing} text={say.nothingText} act={{ label: say.showAll, run: showAll }} />
      )}
      {shown.value.matching.length > 0 && (
        // biome-ignore lint/a11y/noStaticElementInteractions: keys come up from the cards
        <div class="board-columns" ref={box} onKeyDown={press}>
          {COLUMNS.map((name) => (
            <Lane
              key={name}
              name={name}
              all={by[name]}
              shown={cut(name)}
              more={more}
              focused={focused}
              current={current}
            />
          ))}
        </div>
      )}
      <p class="visually-hidden">{say.keys}</p>
    </section>
  )
}

function showAll() {
  which.value = 'all'
  text.value = ''
}

function Head({ shown, all }: { shown: number; all: number }) {
  const home = live.value
  const may = home !== null && mayDelegate(home.role.value)
  useEffect(() => {
    pane.value = 'main'
  }, [])
  return (
    <header class="board-head">
      <button
        type="button"
        class="quiet icon"
        aria-label={words.review.back}
        title={words.review.back}
        onClick={toFiles}
      >
        <Icon name="arrow-left" size={16} />
      </button>
      <h1>{say.title}</h1>
      <small class="muted num" role="status">
        {all > 0 && say.shown(shown, all)}
      </small>
      {all > 0 && (
        <>
          <span class="board-which" role="group" aria-label={say.filter}>
            {(['all', 'mine', 'session'] as const).map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={which.value === name}
                disabled={name === 'session' && !sessions.value?.current.value}
                onClick={() => {
                  which.value = name
                }}
              >
                {say.filters[name]}
              </button>
            ))}
          </span>
          <input
            type="search"
            aria-label={say.find}
            placeholder={say.find}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value
            }}
          />
        </>
      )}
      {may && all > 0 && !delegating.value && (
        <button type="button" class="primary" onClick={() => delegate()}>
          <Icon name="plus" size={14} /> {words.job.delegate}
        </button>
      )}
    </header>
  )
}

interface LaneProps {
  name: Column
  all: readonly Job[]
  shown: readonly Job[]
  more: Signal<Partial<Record<Column, number>>>
  focused: Id | null
  current: Signal<Id | null>
}

function Lane({ name, all, shown, more, focused, current }: LaneProps) {
  const rest = all.length - shown.length
  return (
    <section class="lane" data-column={name} aria-label={say.count(say.columns[name], all.length)}>
      <h2>
        {say.columns[name]} <span class="faint num">{all.length}</span>
      </h2>
      {!all.length && <p class="faint small">{say.empty[name]}</p>}
      <ul>
        {shown.map((job) => (
          <Card
            key={job.id}
            job={job}
            focusable={job.id === focused}
            onOpen={() => openJob(job.id)}
            onFocus={() => {
              current.value = job.id
            }}
          />
        ))}
      </ul>
      {rest > 0 && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            more.value = { ...more.peek(), [name]: shown.length + SHOWN }
          }}
        >
          {say.more(Math.min(rest, SHOWN))}
        </button>
      )}
    </section>
  )
}
