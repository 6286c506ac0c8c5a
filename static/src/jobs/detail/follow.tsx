// One file of a job as it is written: an editor that nobody types in. After a gap in the splices the whole is asked again.
import { LanguageDescription } from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import { Compartment, EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { look } from '../../documents/look'
import { problemOf } from '../../net/problem'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { job as say } from '../../ui/words/jobs'
import type { Id, JobFile, Problem } from '../../wire'
import { live } from '../../workspace/live'
import { visible } from './log'

export function Follow({ job, path, onClose }: { job: Id; path: string; onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  const problem = useSignal<Problem | null>(null)
  const gone = useSignal(false)
  useEffect(() => {
    if (!box.current) return
    const view = viewOf(box.current, path)
    const stop = follow(
      view,
      { job, path },
      { problem: (what) => (problem.value = what), gone: (is) => (gone.value = is) },
    )
    return () => {
      stop()
      view.destroy()
    }
  }, [job, path])
  return (
    <div class="job-follow">
      <header>
        <small>{say.watching(visible(path))}</small>
        <button
          type="button"
          class="quiet icon"
          aria-label={say.stopWatching}
          title={say.stopWatching}
          onClick={onClose}
        >
          <Icon name="x" size={14} />
        </button>
      </header>
      {problem.value && <Failure problem={problem.value} />}
      {gone.value && <p class="muted small">{say.gone}</p>}
      <div ref={box} />
    </div>
  )
}

function viewOf(parent: HTMLElement, path: string): EditorView {
  const language = new Compartment()
  const view = new EditorView({
    parent,
    extensions: [
      language.of([]),
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': say.watching(path) }),
      lineNumbers(),
      look,
    ],
  })
  LanguageDescription.matchFilename(languages, path)
    ?.load()
    .then(
      (support) => view.dispatch({ effects: language.reconfigure(support) }),
      () => undefined, // without its grammar the text is plain, and as readable
    )
  return view
}

interface Told {
  problem: (what: Problem | null) => void
  gone: (is: boolean) => void
}

/** Keep the view at what the job has written; returns how to stop. */
export function follow(view: EditorView, what: { job: Id; path: string }, told: Told): () => void {
  const home = live.peek()
  let seq: number | null = null // null: the whole text is on its way
  let early: JobFile[] = []
  let stopped = false
  const whole = (text: string) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
  const take = (news: JobFile) => {
    if (seq === null) {
      early.push(news)
      return
    }
    if (news.seq <= seq) return
    if (news.seq > seq + 1) return ask()
    seq = news.seq
    told.gone(news.gone ?? false)
    if (news.text !== undefined) whole(news.text)
    else if (news.splice) {
      const [at, remove, insert] = news.splice
      if (at + remove > view.state.doc.length) return ask()
      view.dispatch({ changes: { from: at, to: at + remove, insert } })
    }
  }
  const ask = () => {
    seq = null
    early = []
    home?.call('job.watch', what).then(
      (answer) => {
        if (stopped) return
        whole(answer.text)
        seq = answer.seq
        told.problem(null)
        told.gone(answer.gone ?? false)
        for (const news of early.splice(0)) take(news)
      },
      (error: unknown) => {
        if (!stopped) told.problem(problemOf(error))
      },
    )
  }
  const stop = home?.on((event) => {
    if (event.type === 'job.file' && event.job === what.job && event.path === what.path) take(event)
  })
  ask()
  return () => {
    stopped = true
    stop?.()
    home?.call('job.unwatch', what).catch(() => undefined) // a connection that is away forgets it by itself
  }
}
