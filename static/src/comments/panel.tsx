// The side bar of comments: those of the shown file in the order of its text, then those of other files.
import { useEffect } from 'preact/hooks'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { comments as words } from '../ui/words/past'
import type { Thread } from '../wire'
import { keyText } from '../workspace/commands'
import { type Live, live } from '../workspace/live'
import { shownName } from '../workspace/tree-model'
import { begin } from './acts'
import { ThreadCard } from './card'
import { KEY } from './draw'
import {
  draft,
  type Filter,
  filter,
  filtered,
  load,
  loaded,
  mayComment,
  more,
  problem,
  threads,
  waiting,
} from './state'
import { Write } from './write'
import './comments.css'

const FILTERS: Filter[] = ['open', 'resolved', 'mine']

export function CommentsSide() {
  const now = live.value
  if (!now) return null
  return (
    <div class="side-body comments-side">
      <header class="side-head">
        <h2>{words.title}</h2>
      </header>
      <Filters />
      <Begin />
      {problem.value && <Failure problem={problem.value} retry={() => void load()} />}
      {loaded.value || problem.value ? <List now={now} /> : <Skeleton />}
    </div>
  )
}

function Filters() {
  const by = filter.value
  useEffect(() => {
    if (by === 'resolved') void load(true)
  }, [by])
  return (
    <div class="segments" role="group" aria-label={words.filterBy}>
      {FILTERS.map((name) => (
        <button key={name} type="button" aria-pressed={by === name} onClick={() => (filter.value = name)}>
          {words.filters[name]}
          {name === 'mine' && waiting.value.length > 0 && <em class="num">{waiting.value.length}</em>}
        </button>
      ))}
    </div>
  )
}

function Begin() {
  const now = draft.value
  if (!now) return null
  return (
    <section class="thread on" aria-label={words.begin}>
      <pre class="thread-quote">{now.quote.split('\n').slice(0, 3).join('\n')}</pre>
      <Write
        key={now.start + now.end}
        label={words.placeholder}
        act={words.send}
        send={(text) => begin(now, text)}
        cancel={() => {
          draft.value = null
          live.peek()?.documents.active.peek()?.focus()
        }}
      />
    </section>
  )
}

function List({ now }: { now: Live }) {
  const found = filtered(threads.value, filter.value, now.me.id)
  const doc = now.documents.active.value
  const here = found.filter((one) => one.document === doc?.id)
  const byFile = Map.groupBy(
    found.filter((one) => one.document !== doc?.id),
    (one) => one.path,
  )
  if (doc) here.sort((a, b) => (doc.posOf(a.start) ?? 0) - (doc.posOf(b.start) ?? 0))
  if (!found.length && !draft.value) return <Nothing now={now} />
  return (
    <>
      {doc && here.length > 0 && <Group title={shownName(doc.path.value)} list={here} now={now} />}
      {[...byFile].map(([path, list]) => (
        <Group key={path} title={shownName(path)} list={list} now={now} />
      ))}
      {more.value && <p class="side-note">{words.more}</p>}
    </>
  )
}

function Group({ title, list, now }: { title: string; list: Thread[]; now: Live }) {
  return (
    <section class="threads">
      <h3 title={title}>{title}</h3>
      {list.map((thread) => (
        <ThreadCard key={thread.id} thread={thread} live={now} />
      ))}
    </section>
  )
}

function Nothing({ now }: { now: Live }) {
  if (filter.value === 'mine') return <Empty title={words.emptyMine} text={words.emptyMineText} />
  if (filter.value === 'resolved') return <Empty title={words.emptyResolved} text={words.emptyRead} />
  const text = mayComment(now.role.value) ? words.emptyText(keyText(KEY)) : words.emptyRead
  return <Empty title={words.empty} text={text} />
}
