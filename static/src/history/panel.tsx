// The side bar of history: who did what to the shown file, newest first, day by day.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { OpenDocument } from '../documents/open'
import { pump } from '../documents/pump'
import { Refusal } from '../net/http'
import { Avatar } from '../ui/avatar'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { toast } from '../ui/toast'
import { blame, history as words } from '../ui/words/past'
import type { Author, Problem, VersionRow } from '../wire'
import { live } from '../workspace/live'
import { shownName } from '../workspace/tree-model'
import { compare, compared } from './compared'
import { byDay, met, page, textOf } from './versions'
import './history.css'

const CALM_MS = 1500 // after a save, before the timeline is asked for again

export function HistorySide() {
  const doc = live.value?.documents.active.value
  return (
    <div class="side-body history-side">
      <header class="side-head">
        <h2>{words.title}</h2>
        {doc && (
          <small class="faint" title={shownName(doc.path.value)}>
            {shownName(doc.path.value.split('/').pop() ?? '')}
          </small>
        )}
      </header>
      {doc ? <Timeline key={doc.id} doc={doc} /> : <Empty title={words.noFile} text={words.noFileText} />}
    </div>
  )
}

function Timeline({ doc }: { doc: OpenDocument }) {
  const rows = useSignal<VersionRow[] | null>(null)
  const more = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const workspace = doc.live.id
  const load = async (older = false) => {
    try {
      const known = rows.peek() ?? []
      const found = await page(workspace, doc.id, older ? known.at(-1) : undefined)
      rows.value = older ? [...known, ...found.versions] : met(known, found.versions)
      if (older || !known.length) more.value = found.more
      problem.value = null
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      problem.value = error.problem
    }
  }
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    void load()
    const off = doc.live.on((event) => {
      if (event.type !== 'document.disk' || event.document !== doc.id || !event.on_disk) return
      clearTimeout(timer)
      timer = setTimeout(load, CALM_MS)
    })
    return () => {
      off()
      clearTimeout(timer)
    }
  }, [doc])
  if (problem.value && !rows.value) return <Failure problem={problem.value} retry={() => void load()} />
  if (!rows.value) return <Skeleton rows={6} />
  if (!rows.value.length) return <Empty title={words.empty} text={words.emptyText} />
  return (
    <>
      {byDay(rows.value, new Date()).map((day) => (
        <section key={day.key} class="history-day">
          <h3>{day.label}</h3>
          <ol>
            {day.rows.map((row) => (
              <Row key={row.id} row={row} doc={doc} />
            ))}
          </ol>
        </section>
      ))}
      {problem.value && <Failure problem={problem.value} retry={() => void load()} />}
      {more.value && (
        <button type="button" class="quiet history-more" onClick={() => void load(true)}>
          {words.older}
        </button>
      )}
    </>
  )
}

function Row({ row, doc }: { row: VersionRow; doc: OpenDocument }) {
  const busy = useSignal(false)
  const { author } = row
  const when = new Date(row.ended_at)
  const name = blame.label(author)
  const shown = compared.value?.row?.id === row.id
  const show = async () => {
    busy.value = true
    await open(row, doc).finally(() => {
      busy.value = false
    })
  }
  return (
    <li>
      <button
        type="button"
        class={shown ? 'history-row on' : 'history-row'}
        aria-current={shown}
        aria-busy={busy.value}
        onClick={() => void show()}
      >
        <Mark author={author} warn={!!row.note} />
        <span class="history-what">
          <strong>{row.note || name}</strong>
          {author.prompt && <span class="history-prompt">{author.prompt}</span>}
          <small class="num">
            {words.clock(when)}
            {(row.added > 0 || row.removed > 0) && (
              <span title={words.counts(row.added, row.removed)}>
                {' '}
                <span class="good">+{row.added.toLocaleString('en')}</span>{' '}
                <span class="bad">−{row.removed.toLocaleString('en')}</span>
              </span>
            )}
            {author.person && author.kind !== 'person' && ` · ${blame.asked(author.person.name)}`}
          </small>
        </span>
      </button>
    </li>
  )
}

export function Mark({ author, warn, size = 20 }: { author: Author; warn?: boolean; size?: number }) {
  if (warn)
    return (
      <span class="history-mark warn">
        <Icon name="triangle-alert" size={14} />
      </span>
    )
  if (author.kind === 'turn' || author.kind === 'job') return <Avatar person="model" size={size} />
  if (author.person) return <Avatar person={author.person} size={size} />
  return (
    <span class="history-mark">
      <Icon name={author.kind === 'unknown' ? 'users' : 'file'} size={14} />
    </span>
  )
}

/** Show a version beside the text as it is now. */
async function open(row: VersionRow, doc: OpenDocument): Promise<void> {
  try {
    const then = await textOf(doc.live.id, doc.id, row)
    pump.flush()
    const when = words.moment(new Date(row.ended_at))
    compare({
      path: doc.path.peek(),
      document: doc.id,
      title: words.version(row.note || blame.label(row.author), when),
      labels: [when, words.now],
      before: then.text,
      after: doc.text.toString(),
      row,
      again: () => open(row, doc),
    })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'warn')
  }
}
