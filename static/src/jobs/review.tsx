// A job's proposal as a person decides on it: files, differences, what to watch out for; merge or discard.
import './review.css'
import { type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Dialog } from '../ui/dialog'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/around'
import type { Review as Answer, Id, Job, Problem, ReviewFile } from '../wire'
import { live } from '../workspace/live'
import { go } from '../workspace/route'
import { isBusy, perform } from './acts'
import { firstChoice, keepChoice, mergeBody, stepFrom } from './changes'
import type { Layout } from './diff'
import { visible } from './log'
import { File, FileList } from './review-files'
import { groupOf, jobs, mayDelegate } from './state'
import { Talk } from './talk'

const say = words.review
const LINKS = 12 // to merged files

interface Held {
  answer: Signal<Answer | null>
  problem: Signal<Problem | null>
  chosen: Signal<ReadonlySet<string>>
  shown: Signal<string | null>
  merged: Signal<string[] | null> // paths merged from this screen
  reload: () => void
}

/** The review, fetched again whenever the job's state changes or the socket comes back. */
function useReview(id: Id): Held {
  const held = {
    answer: useSignal<Answer | null>(null),
    problem: useSignal<Problem | null>(null),
    chosen: useSignal<ReadonlySet<string>>(new Set()),
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

function take({ answer, chosen, shown }: Pick<Held, 'answer' | 'chosen' | 'shown'>, next: Answer) {
  const before = answer.peek()
  const same = before?.job.id === next.job.id
  chosen.value = same ? keepChoice(chosen.peek(), before.files, next.files) : firstChoice(next.files)
  if (!next.files.some((file) => file.path === shown.peek())) shown.value = next.files[0]?.path ?? null
  answer.value = next
}

function back() {
  const home = live.peek()
  go(home ? `/w/${home.id}` : '/')
}

export function Review({ job: id }: { job: Id }) {
  const held = useReview(id)
  const known = jobs.value.get(id)
  const answer = held.answer.value?.job.id === id ? held.answer.value : null
  if (known && groupOf(known.state) === 'active') {
    return (
      <Frame>
        <Empty title={say.running} text={say.runningText} act={{ label: say.back, run: back }} />
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
    <button type="button" class="quiet icon review-back" aria-label={say.back} title={say.back} onClick={back}>
      <Icon name="arrow-left" size={16} />
    </button>
  )
}

function useKeys(held: Held, answer: Answer) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, select, dialog') || event.ctrlKey || event.metaKey) return
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
  const discarding = useSignal(false)
  useKeys(held, answer)
  const open = job.state === 'review'
  const file = answer.files.find((one) => one.path === held.shown.value)
  const merge = async () => {
    const body = mergeBody(held.chosen.peek(), answer)
    try {
      await perform(job.id, 'merge', body)
      held.merged.value = body.files ?? answer.files.map((one) => one.path)
      held.problem.value = null
    } catch (error) {
      held.reload() // what stood in the way may be news
      held.problem.value = problemOf(error)
    }
  }
  return (
    <section class="review" aria-label={say.title}>
      <header class="review-head">
        <BackButton />
        <About job={job} />
        {answer.files.length > 0 && <LayoutSwitch layout={layout} />}
        {open && (
          <Acts
            job={job}
            chosen={held.chosen.value.size}
            all={answer.files.length}
            onMerge={merge}
            onDiscard={() => {
              discarding.value = true
            }}
          />
        )}
      </header>
      <Notices held={held} answer={answer} job={job} />
      {answer.files.length === 0 && (
        <Empty title={say.empty} text={say.emptyText} act={{ label: say.back, run: back }} />
      )}
      {answer.files.length > 0 && (
        <div class="review-body">
          <FileList files={answer.files} shown={held.shown} chosen={held.chosen} deciding={open} />
          {file && <File key={file.path} file={file} layout={layout.value} deciding={open} />}
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
        {job.owner ? say.what(job.owner.name, job.endpoint) : job.endpoint} · {words.files(job.files)}{' '}
        <span class="job-plus">+{job.added}</span> <span class="job-minus">−{job.removed}</span>
      </small>
    </div>
  )
}

function LayoutSwitch({ layout }: { layout: Signal<Layout> }) {
  const choice = (value: Layout, label: string) => (
    <button
      type="button"
      aria-pressed={layout.value === value}
      onClick={() => {
        layout.value = value
      }}
    >
      {label}
    </button>
  )
  return (
    <span class="review-layout" role="group" aria-label={say.layout}>
      {choice('unified', say.unified)}
      {choice('split', say.split)}
    </span>
  )
}

interface ActsProps {
  job: Job
  chosen: number
  all: number
  onMerge: () => void
  onDiscard: () => void
}

function Acts({ job, chosen, all, onMerge, onDiscard }: ActsProps) {
  const home = live.value
  const may = home !== null && mayDelegate(home.role.value)
  const merging = isBusy(job.id, 'merge')
  const out = all - chosen
  const why = !may ? say.mayNot : all > 0 && !chosen ? say.mergeNone : undefined
  return (
    <span class="review-acts">
      {may && chosen > 0 && out > 0 && <small class="muted num">{say.leftOut(out)}</small>}
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

function Notices({ held, answer, job }: DecisionProps) {
  const failed = job.state === 'review' ? job.failed : 0
  return (
    <div class="review-notices">
      {held.problem.value && <Failure problem={held.problem.value} />}
      {held.merged.value && <Merged paths={held.merged.value} files={answer.files} />}
      {!held.merged.value && job.state === 'merged' && <Done title={say.mergedBefore} text={say.mergedText} />}
      {job.state === 'discarded' && <Done title={say.discarded} text={say.discardedText} />}
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
      {job.state === 'review' && job.kind === 'agent' && <Talk job={job} onSent={back} />}
      {failed > 0 && (
        <p class="review-partly">
          {say.partly(failed)}
          <button
            type="button"
            disabled={isBusy(job.id, 'retry')}
            onClick={() =>
              perform(job.id, 'retry').catch((error: unknown) => {
                held.problem.value = problemOf(error)
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

function Done({ title, text }: { title: string; text: string }) {
  return (
    <div class="review-done" role="status">
      <Icon name="check" size={16} />
      <span>
        <b>{title}.</b> {text}
      </span>
      <button type="button" onClick={back}>
        {say.back}
      </button>
    </div>
  )
}

function Merged({ paths, files }: { paths: readonly string[]; files: readonly ReviewFile[] }) {
  const there = files.filter((file) => file.status !== 'deleted' && paths.includes(file.path)).slice(0, LINKS)
  const open = (path: string) => {
    back()
    live.peek()?.documents.open(path)
  }
  return (
    <>
      <Done title={say.merged(paths.length)} text={say.mergedText} />
      <p class="review-opened">
        {there.map(({ path }) => (
          <button
            key={path}
            type="button"
            class="quiet"
            aria-label={say.open(visible(path))}
            onClick={() => open(path)}
          >
            {visible(path)}
          </button>
        ))}
      </p>
    </>
  )
}

function Discard({ job, files, onClose }: { job: Job; files: number; onClose: () => void }) {
  const problem = useSignal<Problem | null>(null)
  const discard = async () => {
    try {
      await perform(job.id, 'discard')
      onClose()
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const footer = (
    <>
      <button type="button" class="quiet" onClick={onClose}>
        {words.cancel}
      </button>
      <button type="button" class="danger" disabled={isBusy(job.id, 'discard')} onClick={discard}>
        {say.discard}
      </button>
    </>
  )
  return (
    <Dialog title={say.discardTitle} open onClose={onClose} footer={footer}>
      <p>{say.discardText(files)}</p>
      {problem.value && <Failure problem={problem.value} />}
    </Dialog>
  )
}
