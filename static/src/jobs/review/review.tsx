// A job's proposal as a person decides on it: files, differences, what to watch out for; merge or discard.
import './review.css'
import { type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get, post } from '../../net/http'
import { problemOf } from '../../net/problem'
import { Empty } from '../../ui/empty'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { Skeleton } from '../../ui/skeleton'
import { words } from '../../ui/words/around'
import { job as ofJob, review as own } from '../../ui/words/jobs'
import type { Review as Answer, Id, Job, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { toFiles } from '../../workspace/route'
import { isBusy, perform } from '../acts'
import { visible } from '../detail/log'
import { Talk } from '../detail/talk'
import { openJob } from '../places'
import { groupOf, jobs, mayDelegate } from '../state'
import { firstChoice, keepChoice, mergeBody, stepFrom, unconfirmed } from './changes'
import { type Choice, keepLeft } from './chosen'
import { Pending, type Remark } from './comments'
import { Commit } from './commit'
import type { Layout } from './diff'
import { Discard, Done, Merged } from './end'
import { File } from './file'
import { FileList } from './files'

const say = words.review

type Against = 'base' | 'now'

const mergedText = ({ merge }: Answer) =>
  merge?.branch ? `${say.mergedText} ${own.mergedOn(visible(merge.branch), merge.commit.slice(0, 10))}` : say.mergedText

interface Held {
  answer: Signal<Answer | null>
  problem: Signal<Problem | null> // why it could not be fetched
  refused: Signal<Problem | null> // why the last act was not done; it stands while the review is fetched again
  choice: Signal<Choice>
  shown: Signal<string | null>
  merged: Signal<string[] | null> // paths merged from this screen
  reload: () => void
}

/** The review, fetched again whenever the job's state changes or the socket comes back. */
function useReview(id: Id): Held {
  const held = {
    answer: useSignal<Answer | null>(null),
    problem: useSignal<Problem | null>(null),
    refused: useSignal<Problem | null>(null),
    choice: useSignal<Choice>({ chosen: new Set(), left: new Map() }),
    shown: useSignal<string | null>(null),
    merged: useSignal<string[] | null>(null),
  }
  const round = useSignal(0)
  const wanted = useSignal(id)
  wanted.value = id
  const state = useComputed(() => jobs.value.get(wanted.value)?.state)
  useSignalEffect(() => {
    void round.value
    const job = wanted.value
    if (!state.value && !live.value?.snapshot.value) return // the job's state is about to be told
    if (state.value && groupOf(state.value) === 'active') return
    let gone = false
    held.problem.value = null
    get<Answer>(`/jobs/${job}/review`).then(
      (answer) => {
        if (!gone) take(held, answer)
      },
      (error: unknown) => {
        if (!gone) held.problem.value = problemOf(error)
      },
    )
    return () => {
      gone = true
    }
  })
  const reload = () => {
    round.value += 1
  }
  return { ...held, reload }
}

function take({ answer, choice, shown }: Pick<Held, 'answer' | 'choice' | 'shown'>, next: Answer) {
  const before = answer.peek()
  const same = before?.job.id === next.job.id
  const { chosen, left } = choice.peek()
  choice.value = same
    ? keepLeft({ chosen: keepChoice(chosen, before.files, next.files), left }, next.files)
    : { chosen: firstChoice(next.files), left: new Map() }
  if (!next.files.some((file) => file.path === shown.peek())) shown.value = next.files[0]?.path ?? null
  answer.value = next
}

export function Review({ job: id }: { job: Id }) {
  const held = useReview(id)
  const known = jobs.value.get(id)
  const answer = held.answer.value?.job.id === id ? held.answer.value : null
  if (known && groupOf(known.state) === 'active') {
    return (
      <Frame>
        <Empty title={say.running} text={say.runningText} act={{ label: say.back, run: toFiles }} />
      </Frame>
    )
  }
  if (known && !known.files && (known.state === 'failed' || known.state === 'cancelled')) {
    return (
      <Frame>
        <Empty title={ofJob.noResult} text={ofJob.noResultText} act={{ label: ofJob.log, run: () => openJob(id) }} />
      </Frame>
    )
  }
  if (!answer) {
    return (
      <Frame>{held.problem.value ? <Failure problem={held.problem.value} retry={held.reload} /> : <Skeleton />}</Frame>
    )
  }
  return <Decision held={held} answer={answer} job={known ?? answer.job} />
}

function Frame({ children }: { children: preact.ComponentChildren }) {
  return (
    <section class="review" aria-label={say.title}>
      <header class="review-head">
        <BackButton />
        <h1>{say.title}</h1>
      </header>
      <div class="review-rest">{children}</div>
    </section>
  )
}

function BackButton() {
  return (
    <button type="button" class="quiet icon review-back" aria-label={say.back} title={say.back} onClick={toFiles}>
      <Icon name="arrow-left" size={16} />
    </button>
  )
}

function useKeys(held: Held, answer: Answer) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (target.closest('input:not([type="checkbox"]), textarea, select, dialog') || event.ctrlKey || event.metaKey)
        return
      const by = event.altKey ? { ArrowDown: 1, ArrowUp: -1 }[event.key] : { j: 1, k: -1 }[event.key]
      if (!by) return
      event.preventDefault()
      held.shown.value = stepFrom(answer.files, held.shown.peek(), by)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [held.shown, answer])
}

interface DecisionProps {
  held: Held
  answer: Answer
  job: Job
}

function Decision({ held, answer, job }: DecisionProps) {
  const layout = useSignal<Layout>('unified')
  const against = useSignal<Against>('base')
  const confirmed = useSignal<ReadonlySet<string>>(new Set())
  const remarks = useSignal<readonly Remark[]>([])
  const commit = useSignal<string | null>(null) // the message of a commit, where one is wanted
  const sending = useSignal(false)
  const discarding = useSignal(false)
  useKeys(held, answer)
  const open = job.state === 'review'
  const file = answer.files.find((one) => one.path === held.shown.value)
  const home = live.value
  const may = home !== null && mayDelegate(home.role.value)
  const send = async () => {
    sending.value = true
    try {
      await post<Job>(`/jobs/${job.id}/remarks`, { head: answer.head, comments: remarks.peek() })
      remarks.value = []
      held.refused.value = null
    } catch (error) {
      held.refused.value = problemOf(error)
    }
    sending.value = false
  }
  const merge = async (conflicts?: 'editor') => {
    const branch = commit.peek() === null ? '' : answer.branch
    const { chosen, left } = held.choice.peek()
    const how = { confirmed: confirmed.peek(), branch, message: commit.peek() ?? '', left }
    const body = { ...mergeBody(chosen, answer, how), ...(conflicts && { conflicts }) }
    try {
      await perform(job.id, 'merge', body)
      held.merged.value = body.files ?? answer.files.map((one) => one.path)
      held.refused.value = null
    } catch (error) {
      held.reload() // what stood in the way may be news
      held.refused.value = problemOf(error)
    }
  }
  return (
    <section class="review" aria-label={say.title}>
      <header class="review-head">
        <BackButton />
        <About job={job} />
        {answer.files.length > 0 && (
          <Switch label={own.against} value={against} choices={{ base: own.base, now: own.now }} />
        )}
        {answer.files.length > 0 && (
          <Switch label={say.layout} value={layout} choices={{ unified: say.unified, split: say.split }} />
        )}
        {open && (
          <Acts
            job={job}
            choice={held.choice.value}
            all={answer.files.length}
            open={unconfirmed(answer.files, held.choice.value.chosen, confirmed.value).length}
            onMerge={() => void merge()}
            onDiscard={() => {
              discarding.value = true
            }}
          />
        )}
      </header>
      <Notices held={held} answer={answer} job={job} onEditor={() => void merge('editor')} />
      {open && may && answer.files.length > 0 && (
        <Commit branch={answer.branch} message={commit} job={job} left={leftOut(answer, held.choice.value)} />
      )}
      {open && may && <Pending remarks={remarks} sending={sending.value} onSend={() => void send()} />}
      {answer.files.length === 0 && (
        <Empty title={say.empty} text={say.emptyText} act={{ label: ofJob.log, run: () => openJob(job.id) }} />
      )}
      {answer.files.length > 0 && (
        <div class="review-body">
          <FileList files={answer.files} shown={held.shown} choice={held.choice} deciding={open} />
          {file && (
            <File
              key={file.path}
              file={file}
              layout={layout.value}
              against={against.value}
              deciding={open}
              commenting={open && may && job.kind === 'agent'}
              choice={held.choice}
              confirmed={confirmed}
              remarks={remarks}
            />
          )}
        </div>
      )}
      {discarding.value && <Discard job={job} files={answer.files.length} onClose={() => (discarding.value = false)} />}
    </section>
  )
}

function About({ job }: { job: Job }) {
  const text = visible(job.instruction.trim().split('\n')[0] ?? '')
  return (
    <div class="review-about">
      <h1 title={visible(job.instruction)}>{text}</h1>
      <small class="muted num">
        {words.files(job.files)} {job.added > 0 && <span class="job-plus">+{job.added}</span>}{' '}
        {job.removed > 0 && <span class="job-minus">−{job.removed}</span>} ·{' '}
        {job.owner ? say.what(job.owner.name, job.endpoint) : job.endpoint}
      </small>
    </div>
  )
}

interface SwitchProps<T extends string> {
  label: string
  value: Signal<T>
  choices: Record<T, string>
}

function Switch<T extends string>({ label, value, choices }: SwitchProps<T>) {
  return (
    <span class="review-layout" role="group" aria-label={label}>
      {(Object.keys(choices) as T[]).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={value.value === one}
          onClick={() => {
            value.value = one
          }}
        >
          {choices[one]}
        </button>
      ))}
    </span>
  )
}

/** What of a result that is merged in part nobody will be asked about again. */
function leftOut({ files }: Answer, { chosen, left }: Choice): string {
  const out = files.length - chosen.size
  const hunks = [...left.values()].reduce((sum, one) => sum + one.size, 0)
  if (!chosen.size) return ''
  return [out && say.leftOut(out), hunks && own.hunksLeft(hunks)].filter(Boolean).join(' ')
}

interface ActsProps {
  job: Job
  choice: Choice
  all: number
  open: number // flagged files that nobody has confirmed
  onMerge: () => void
  onDiscard: () => void
}

function Acts({ job, choice, all, open, onMerge, onDiscard }: ActsProps) {
  const chosen = choice.chosen.size
  const home = live.value
  const may = home !== null && mayDelegate(home.role.value)
  const merging = isBusy(job.id, 'merge')
  const why = !may ? say.mayNot : all > 0 && !chosen ? say.mergeNone : open ? own.unconfirmed(open) : undefined
  return (
    <span class="review-acts">
      <button
        type="button"
        class="quiet"
        disabled={!may || merging}
        title={may ? undefined : say.mayNot}
        onClick={onDiscard}
      >
        {say.discard}
      </button>
      {all > 0 && (
        <button type="button" class="primary" disabled={Boolean(why) || merging} title={why} onClick={onMerge}>
          {merging ? say.merging : say.merge(chosen, all)}
        </button>
      )}
    </span>
  )
}

const clashes = (problem: Problem & { files?: unknown }) => problem.code === 'conflict' && Array.isArray(problem.files)

function Notices({ held, answer, job, onEditor }: DecisionProps & { onEditor: () => void }) {
  const failed = job.state === 'review' ? job.failed : 0
  return (
    <div class="review-notices">
      {held.problem.value && <Failure problem={held.problem.value} retry={held.reload} />}
      {held.refused.value && <Failure problem={held.refused.value} />}
      {held.refused.value && clashes(held.refused.value) && job.state === 'review' && (
        <p class="review-partly">
          <button type="button" onClick={onEditor}>
            {own.conflicts}
          </button>
        </p>
      )}
      {held.merged.value && <Merged paths={held.merged.value} files={answer.files} />}
      {!held.merged.value && job.state === 'merged' && <Done title={say.mergedBefore} text={mergedText(answer)} />}
      {job.state === 'discarded' && <Done title={say.discarded} text={say.discardedText} out />}
      {job.state === 'review' && answer.warnings.length > 0 && (
        <div class="review-warnings" role="note">
          <b>
            <Icon name="triangle-alert" size={14} /> {say.warnings}
          </b>
          <ul>
            {answer.warnings.map((line) => (
              <li key={line}>{visible(line)}</li>
            ))}
          </ul>
        </div>
      )}
      {job.state === 'review' && job.kind === 'agent' && <Talk job={job} onSent={toFiles} />}
      {failed > 0 && (
        <p class="review-partly">
          {say.partly(failed)}
          <button
            type="button"
            disabled={isBusy(job.id, 'retry')}
            onClick={() =>
              perform(job.id, 'retry').catch((error: unknown) => {
                held.refused.value = problemOf(error)
              })
            }
          >
            {say.retryFailed(failed)}
          </button>
        </p>
      )}
    </div>
  )
}
