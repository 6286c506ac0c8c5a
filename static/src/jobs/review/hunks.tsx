// The changes of one file: which are taken, what became of their lines meanwhile; by click and by key.
import type { Signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { review as say } from '../../ui/words/jobs'
import type { ReviewFile, ReviewHunk } from '../../wire'
import { type Choice, divisible, hunkFrom, isTaken, withHunk } from './chosen'

interface Props {
  file: ReviewFile
  against: 'base' | 'now'
  choice: Signal<Choice>
  on: Signal<string | null> // the hunk the keys act on
  at: Signal<number | null> // the line to be shown
}

const place = (hunk: ReviewHunk, against: Props['against']) => (against === 'base' ? hunk.proposed : hunk.current)

export function Hunks({ file, against, choice, on, at }: Props) {
  const { hunks } = file
  const stale = hunks.filter((hunk) => hunk.state === 'stale').length
  const choosing = divisible(file)
  useKeys({ file, against, choice, on, at })
  if (!choosing && !stale) return null
  const taken = hunks.filter((hunk) => isTaken(choice.value, file.path, hunk.id)).length
  return (
    <div class="review-hunks">
      {stale > 0 && !file.conflict && <p class="bad">{say.stale(stale)}</p>}
      {choosing && (
        <p class="review-hunks-head">
          <span class="num" role="status">
            {say.taken(taken, hunks.length)}
          </span>
          <span class="faint review-keys" title={say.hunkKeys}>
            <kbd>N</kbd> <kbd>P</kbd> <kbd>A</kbd> <kbd>R</kbd>
            <span class="visually-hidden">{say.hunkKeys}</span>
          </span>
        </p>
      )}
      <ul aria-label={say.hunkTitle}>
        {hunks.map((hunk) => (
          <Entry key={hunk.id} {...{ file, hunk, against, choice, on, at }} />
        ))}
      </ul>
    </div>
  )
}

function Entry({ file, hunk, against, choice, on, at }: Props & { hunk: ReviewHunk }) {
  const row = useRef<HTMLLIElement>(null)
  const [from, to] = place(hunk, against)
  const taken = isTaken(choice.value, file.path, hunk.id)
  const current = on.value === hunk.id
  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: 'nearest' })
  }, [current])
  return (
    <li ref={row} data-state={hunk.state} data-on={current} data-taken={taken}>
      {divisible(file) && (
        <input
          type="checkbox"
          aria-label={say.takeHunk(say.hunk(from, to))}
          checked={taken}
          onChange={() => {
            choice.value = withHunk(choice.peek(), file, hunk.id, !taken)
            on.value = hunk.id
          }}
        />
      )}
      <button
        type="button"
        aria-current={current}
        title={say.why[hunk.state]}
        onClick={() => {
          on.value = hunk.id
          at.value = null
          at.value = from
        }}
      >
        <span class="num">{say.hunk(from, to)}</span> <small>{say.states[hunk.state]}</small>
      </button>
    </li>
  )
}

/** N and P go from change to change, A takes the one they are on and R leaves it out, each going on to the next. */
function useKeys({ file, against, choice, on, at }: Props) {
  useEffect(() => {
    if (!divisible(file)) return
    const go = (by: 1 | -1) => {
      on.value = hunkFrom(file, on.peek(), by)
      const hunk = file.hunks.find((one) => one.id === on.peek())
      at.value = null
      if (hunk) at.value = place(hunk, against)[0]
    }
    const decide = (take: boolean) => {
      if (!on.peek()) go(1)
      const id = on.peek()
      if (id) choice.value = withHunk(choice.peek(), file, id, take)
      go(1)
    }
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const typing = target.closest('input:not([type="checkbox"]), textarea, select, dialog, [role="dialog"]')
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return
      const act = { n: () => go(1), p: () => go(-1), a: () => decide(true), r: () => decide(false) }[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [file, against])
}
