// What the model did, as rows of a card: files it changed (open them there) and tools it called (unfold them).
import { Icon } from '../ui/icon'
import { words } from '../ui/words/sessions'
import type { Of } from './rows'
import { still } from './still'

interface Props {
  items: (Of<'tool'> | Of<'edit'>)[]
  openPath: (path: string, proposal?: string) => void
}

export function Card({ items, openPath }: Props) {
  return (
    <div class="card">
      {items.map((item) =>
        item.kind === 'edit' ? (
          <Edit key={item.id} data={item.data} openPath={openPath} />
        ) : (
          <Tool key={item.id} data={item.data} />
        ),
      )}
    </div>
  )
}

const Edit = still(({ data, openPath }: { data: Of<'edit'>['data']; openPath: Props['openPath'] }) => (
  <button
    type="button"
    class="card-row"
    title={words.openFile(data.path)}
    onClick={() => openPath(data.path, data.proposal)}
  >
    <span class="card-name">{data.path}</span>
    <small class="num">
      {data.added > 0 && <span class="plus">{words.plus(data.added)}</span>}
      {data.removed > 0 && <span class="minus">{words.minus(data.removed)}</span>}
      {data.writing && <span class="live">{words.writing}</span>}
    </small>
  </button>
))

const Tool = still(({ data }: { data: Of<'tool'>['data'] }) => {
  const state = data.ok === null ? words.toolRunning : data.ok ? words.toolOk : words.toolFailed
  return (
    <details class={data.ok === false ? 'tool failed' : 'tool'}>
      <summary class="card-row">
        <Icon name={data.ok === null ? 'ellipsis' : data.ok ? 'check' : 'x'} size={12} />
        <span class="card-name">{titleOf(data)}</span>
        <small class="num">
          {data.ok === false ? <span>{state}</span> : <span class="visually-hidden">{state}</span>}
          {data.ok === null ? <span class="live">{state}</span> : <span>{words.seconds(data.seconds)}</span>}
        </small>
      </summary>
      {data.input && <Text title={words.toolInput} text={data.input} />}
      <Text title={words.toolOutput} text={data.output || (data.ok === null ? '' : words.noOutput)} />
    </details>
  )
})

function Text({ title, text }: { title: string; text: string }) {
  return (
    <div class="tool-text">
      <h4>{title}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </div>
  )
}

/** "Read tests/test_app.py": the tool's name as a verb, then its file or the first line of its input. */
export function titleOf({ name, path, input }: Of<'tool'>['data']): string {
  const verb = name.replace(/[_.-]+/g, ' ')
  const shown = path ?? input.trim().split('\n')[0] ?? ''
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${shown}`.trim()
}
