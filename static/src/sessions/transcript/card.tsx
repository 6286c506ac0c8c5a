// What the model did, as rows of a card: files it changed (open them there) and tools it called (unfold them to what was
// run and read). A failed one says why without being opened.
import { useState } from 'preact/hooks'
import { Icon, type IconName } from '../../ui/icon'
import { fullTime, words as own } from '../../ui/words/library'
import { words } from '../../ui/words/sessions'
import './card.css'
import type { Of } from './rows'
import type { TranscriptActs } from './says'
import { still } from './still'
import { detailOf, outcomeOf, reasonOf, titleOf } from './tool'
import { Detailed } from './tool-detail'

interface Props {
  items: readonly (Of<'tool'> | Of<'edit'>)[]
  acts: TranscriptActs
}

export function Card({ items, acts }: Props) {
  return (
    <div class="card">
      {items.map((item) =>
        item.kind === 'edit' ? (
          <Edit key={item.id} data={item.data} at={item.created_at} openPath={acts.openPath} />
        ) : (
          <Tool key={item.id} data={item.data} at={item.created_at} openAt={acts.openAt} />
        ),
      )}
    </div>
  )
}

interface EditProps {
  data: Of<'edit'>['data']
  at: string
  openPath: TranscriptActs['openPath']
}

const Edit = still(({ data, at, openPath }: EditProps) => (
  <button
    type="button"
    class="card-row"
    title={`${words.openFile(data.path)}\n${fullTime(at)}`}
    onClick={() => openPath(data.path, data.proposal)}
  >
    <Icon name="pencil" size={12} />
    <span class="card-name">{data.path}</span>
    <small class="num">
      {data.added > 0 && <span class="plus">{words.plus(data.added)}</span>}
      {data.removed > 0 && <span class="minus">{words.minus(data.removed)}</span>}
      {data.writing && <span class="live">{words.writing}</span>}
    </small>
  </button>
))

const ICONS: Record<string, IconName> = {
  read_file: 'file-text',
  list_files: 'folder',
  search: 'search',
  apply_patch: 'pencil',
  run_command: 'play',
}

interface ToolProps {
  data: Of<'tool'>['data']
  at: string
  openAt: TranscriptActs['openAt']
}

const Tool = still(({ data, at, openAt }: ToolProps) => {
  const [open, setOpen] = useState(false)
  const { verb, about } = titleOf(data)
  const failed = data.ok === false
  const reason = open ? '' : reasonOf(data)
  return (
    <details class={failed ? 'tool failed' : 'tool'} open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary class="card-row" title={fullTime(at)}>
        <Icon name={failed ? 'circle-alert' : (ICONS[data.name] ?? 'wrench')} size={12} />
        <span class="card-name">
          <b>{verb}</b> <span class={data.name === 'run_command' ? 'code-font' : ''}>{about}</span>
        </span>
        <small class="num">
          <span class={data.ok === null ? 'live' : ''}>{outcomeOf(data)}</span>
          {data.ok !== null && <span>{own.seconds(data.seconds)}</span>}
          <Icon name={open ? 'chevron-down' : 'chevron-right'} size={12} />
        </small>
        {reason && <span class="tool-reason">{reason}</span>}
      </summary>
      {open && <Detailed detail={detailOf(data)} failed={failed} openAt={openAt} />}
    </details>
  )
})
