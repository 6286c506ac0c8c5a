// The side bar of source control: what changed since the last commit, what goes into the next, and committing it.
import { useEffect, useRef } from 'preact/hooks'
import { compared } from '../history/compared'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { commit as own } from '../ui/words/editing'
import { git as words } from '../ui/words/past'
import { words as session } from '../ui/words/sessions'
import { keyText } from '../workspace/commands'
import { git } from '../workspace/files'
import { live } from '../workspace/live'
import { shownName } from '../workspace/tree-model'
import * as state from './state'
import { stop, write, writing } from './write'
import './git.css'

const CALM_MS = 600

export function ChangesSide() {
  const now = live.value
  const found = git.value
  const may = ['owner', 'maintainer', 'editor'].includes(now?.role.value ?? '')
  return (
    <div class="side-body git-side">
      <header class="side-head">
        <h2>{words.title}</h2>
        {found && (
          <small class="faint git-branch">
            <Icon name="git-branch" size={12} /> {found.branch || words.detached}
          </small>
        )}
      </header>
      {!found && <Skeleton />}
      {found && !found.changes.length && <Empty title={words.clean} text={words.cleanText} />}
      {found && found.changes.length > 0 && (
        <>
          {may ? <Form /> : <p class="side-note">{words.mayNot}</p>}
          <Files may={may} />
        </>
      )}
      <Done />
    </div>
  )
}

function Form() {
  const n = state.chosen.value.length
  const box = useRef<HTMLTextAreaElement>(null)
  const why = n ? (state.message.value.trim() ? '' : words.needMessage) : words.needFiles
  return (
    <form
      class="git-form"
      onSubmit={(event) => {
        event.preventDefault()
        void state.commit().then(() => box.current?.focus())
      }}
    >
      <textarea
        ref={box}
        rows={3}
        aria-label={words.message}
        placeholder={words.placeholder(keyText('Mod-Enter'))}
        value={state.message.value}
        readOnly={writing.value}
        aria-busy={writing.value}
        onInput={(event) => (state.message.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
          event.preventDefault()
          void state.commit()
        }}
      />
      <Written
        n={n}
        done={() => {
          box.current?.focus()
          box.current?.setSelectionRange(0, 0) // its first line is the one that counts
        }}
      />
      <Credit />
      <button type="submit" class="primary" disabled={!!why || state.busy.value || writing.value} title={why}>
        <Icon name="check" size={14} /> {state.busy.value ? words.committing : words.commit(n)}
      </button>
      {state.problem.value && <Failure problem={state.problem.value} />}
    </form>
  )
}

const focus = (button: HTMLButtonElement | null) => button?.focus()

/** The model writes the message, or is stopped; Esc stops it too. */
function Written({ n, done }: { n: number; done: () => void }) {
  const models = live.value?.models.value?.endpoints.length ?? 0
  const why = models ? (n ? own.writeTitle : words.needFiles) : session.why.noModel
  if (!writing.value)
    return (
      <button
        type="button"
        class="quiet git-write"
        disabled={!n || !models}
        title={why}
        onClick={() => void write().then(done)}
      >
        <Icon name="sparkles" size={14} /> {own.write}
      </button>
    )
  return (
    <p class="git-writing" role="status">
      <span>{own.writing}</span>
      <button
        type="button"
        ref={focus}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.preventDefault()
          stop()
        }}
        onClick={stop}
      >
        {own.stop} <kbd>{session.escape}</kbd>
      </button>
    </p>
  )
}

/** Who the next commit names beside its author. */
function Credit() {
  const chosen = state.chosen.value.join('\n')
  const found = git.value
  useEffect(() => {
    const timer = setTimeout(() => void state.foresee(), CALM_MS)
    return () => clearTimeout(timer)
  }, [chosen, found])
  const names = state.credited.value
  if (!names || !chosen) return null
  return (
    <p class="git-credit" title={words.credit}>
      {words.credited}: {names.length ? names.map(state.nameIn).join(', ') : words.none}
    </p>
  )
}

function Files({ may }: { may: boolean }) {
  const files = state.changes.value
  const out = state.left.value
  const all = useRef<HTMLInputElement>(null)
  const n = state.chosen.value.length
  useEffect(() => {
    if (all.current) all.current.indeterminate = n > 0 && n < files.length
  })
  return (
    <section class="git-files" aria-label={words.files(files.length)}>
      {may && (
        <label class="git-all">
          <input
            ref={all}
            type="checkbox"
            checked={n === files.length}
            onChange={(event) => state.chooseAll(event.currentTarget.checked)}
          />
          <span class="num">{words.chosen(n, files.length)}</span>
        </label>
      )}
      <ul>
        {files.map(({ path, status }) => (
          <li key={path} class={compared.value?.path === path && !compared.value.row ? 'on' : ''}>
            {may && (
              <input
                type="checkbox"
                aria-label={words.include(shownName(path))}
                checked={!out.has(path)}
                onChange={(event) => state.choose(path, event.currentTarget.checked)}
              />
            )}
            <button
              type="button"
              class="git-file"
              title={words.show(shownName(path))}
              onClick={() => void state.showChange(path)}
            >
              <span>{shownName(path.split('/').pop() ?? path)}</span>
              <small>{shownName(path.split('/').slice(0, -1).join('/'))}</small>
            </button>
            <small class={`git-status git-${status === '?' ? 'A' : status}`}>{words.statusOf[status]}</small>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Done() {
  const commit = state.last.value
  if (!commit) return null
  const names = state.trailersOf(commit.message).map(state.nameIn)
  return (
    <section class="git-done" role="status">
      <p>
        <Icon name="git-commit" size={14} /> {words.committed(commit.oid.slice(0, 10))}
      </p>
      <p class="muted">{commit.message.split('\n')[0]}</p>
      <p class="muted">
        {words.credited}: {names.length ? names.join(', ') : words.none}
      </p>
    </section>
  )
}
