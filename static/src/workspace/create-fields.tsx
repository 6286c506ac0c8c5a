// What each way of making a workspace asks for beside the name.
import { useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { visible } from '../jobs/detail/log'
import { Icon } from '../ui/icon'
import { words } from '../ui/words/around'
import type { Draft, Missing } from './create-form'

const say = words.create

interface Props {
  draft: Draft
  lacks: readonly Missing[]
  onChange: (part: Partial<Draft>) => void
  onFile: (file: File) => void
}

export function Details({ draft, lacks, onChange, onFile }: Props) {
  const wrong = lacks.find((one) => one !== 'name')
  const problem = wrong && say.missing[wrong]
  if (draft.way === 'sample') return <p class="muted">{say.sampleText}</p>
  if (draft.way === 'empty') return <p class="muted">{say.emptyText}</p>
  if (draft.way === 'upload') return <Drop file={draft.file} problem={problem} onFile={onFile} />
  const git = draft.way === 'git'
  return (
    <Line
      key={draft.way}
      label={git ? say.url : say.path}
      placeholder={git ? say.urlPlaceholder : say.pathPlaceholder}
      help={git ? say.urlHelp : say.pathHelp}
      value={git ? draft.url : draft.path}
      problem={problem}
      onInput={(value) => onChange(git ? { url: value } : { path: value })}
    />
  )
}

interface LineProps {
  label: string
  placeholder: string
  help: string
  value: string
  problem: string | undefined
  onInput: (value: string) => void
}

function Line({ label, placeholder, help, value, problem, onInput }: LineProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="code"
        placeholder={placeholder}
        value={value}
        aria-invalid={Boolean(problem)}
        aria-describedby={`${id}-help`}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        autoFocus
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
      <small id={`${id}-help`} class={problem ? 'wrong' : 'muted'}>
        {problem ?? help}
      </small>
    </div>
  )
}

interface DropProps {
  file: Draft['file']
  problem: string | undefined
  onFile: (file: File) => void
}

function Drop({ file, problem, onFile }: DropProps) {
  const over = useSignal(false)
  const input = useRef<HTMLInputElement>(null)
  const take = (files: FileList | null | undefined) => {
    const first = files?.[0]
    if (first) onFile(first)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping has a twin, the button inside
    <div
      class="drop"
      data-over={over.value}
      data-wrong={Boolean(problem)}
      onDragOver={(event) => {
        event.preventDefault()
        over.value = true
      }}
      onDragLeave={() => {
        over.value = false
      }}
      onDrop={(event) => {
        event.preventDefault()
        over.value = false
        take(event.dataTransfer?.files)
      }}
    >
      <Icon name={file ? 'file' : 'upload'} size={20} />
      {file ? (
        <span>
          <b>{visible(file.name)}</b> <small class="muted num">{say.size(file.size)}</small>
        </span>
      ) : (
        <span>{say.drop}</span>
      )}
      <button type="button" onClick={() => input.current?.click()}>
        {file ? say.other : say.choose}
      </button>
      <input
        ref={input}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        accept=".zip,.tar.gz,.tgz,application/zip,application/gzip"
        aria-label={say.choose}
        onChange={({ currentTarget }) => take(currentTarget.files)}
      />
      {problem && <small class="wrong">{problem}</small>}
    </div>
  )
}
