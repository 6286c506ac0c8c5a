// The list of changed files with its check boxes, and the one that is shown.
import './files.css'
import type { Signal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import { review as own } from '../../ui/words/jobs'
import type { ReviewFile } from '../../wire'
import { visible } from '../detail/log'
import { isFlagged, linesOf, meanwhile } from './changes'
import { type Choice, withFile } from './chosen'

const say = words.review

interface ListProps {
  files: readonly ReviewFile[]
  shown: Signal<string | null>
  choice: Signal<Choice>
  deciding: boolean
}

export function FileList({ files, shown, choice, deciding }: ListProps) {
  const { chosen, left } = choice.value
  const all = chosen.size === files.length
  const toggle = (path: string) => {
    choice.value = withFile(choice.peek(), path, !chosen.has(path))
  }
  return (
    <nav class="review-files" aria-label={say.filesTitle}>
      <h2>
        {deciding && (
          <input
            type="checkbox"
            aria-label={say.chooseAll}
            checked={all}
            ref={(box) => {
              if (box) box.indeterminate = (!all && chosen.size > 0) || (all && left.size > 0)
            }}
            onChange={() => {
              choice.value = { chosen: new Set(all ? [] : files.map((file) => file.path)), left: new Map() }
            }}
          />
        )}
        <span>{words.files(files.length)}</span>
        <span class="faint review-keys">
          <kbd>J</kbd> <kbd>K</kbd>
          <span class="visually-hidden">{say.keys}</span>
        </span>
      </h2>
      <ul>
        {files.map((file) => (
          <Entry
            key={file.path}
            file={file}
            on={shown.value === file.path}
            checked={chosen.has(file.path)}
            partly={left.has(file.path)}
            deciding={deciding}
            onToggle={() => toggle(file.path)}
            onShow={() => {
              shown.value = file.path
            }}
          />
        ))}
      </ul>
    </nav>
  )
}

interface EntryProps {
  file: ReviewFile
  on: boolean
  checked: boolean
  partly: boolean
  deciding: boolean
  onToggle: () => void
  onShow: () => void
}

function Entry({ file, on, checked, partly, deciding, onToggle, onShow }: EntryProps) {
  const path = visible(file.path)
  const cut = path.lastIndexOf('/') + 1
  const row = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (on) row.current?.scrollIntoView({ block: 'nearest' })
  }, [on])
  return (
    <li ref={row} data-on={on}>
      {deciding && (
        <input
          type="checkbox"
          aria-label={say.choose(path)}
          checked={checked}
          ref={(box) => {
            if (box) box.indeterminate = partly
          }}
          onChange={onToggle}
        />
      )}
      <button type="button" aria-current={on} title={path} onClick={onShow}>
        <span class="review-path">
          {path.slice(cut)} <small>{path.slice(0, cut)}</small>
        </span>
        {deciding && <Sign file={file} />}
        {deciding && isFlagged(file) && <small class="review-flag">{own.flagged}</small>}
        <Counts file={file} />
      </button>
    </li>
  )
}

function Sign({ file }: { file: ReviewFile }) {
  const what = meanwhile(file)
  if (what === 'same') return null
  const text = what === 'conflict' ? say.conflictSign : say.changedSign
  return (
    <span class="review-sign" data-what={what} title={text}>
      <Icon name="triangle-alert" size={14} />
      <span class="visually-hidden">{text}</span>
    </span>
  )
}

export function Counts({ file }: { file: ReviewFile }) {
  const { added, removed } = useMemo(() => linesOf(file), [file.base, file.proposed])
  return (
    <small class="review-counts num">
      {file.status !== 'changed' && (
        <span class={file.status === 'added' ? 'job-plus' : 'job-minus'}>{say.statuses[file.status]}</span>
      )}
      {added > 0 && <span class="job-plus">+{added}</span>}
      {removed > 0 && <span class="job-minus">−{removed}</span>}
    </small>
  )
}
