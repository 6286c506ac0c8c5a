// The file tree: keyboard first, one row a file, avatars for who is in it.
import { signal, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { Dialog } from '../ui/dialog'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Menu, type MenuItem } from '../ui/menu'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/shell'
import { drag } from './drag'
import * as files from './files'
import { live } from './live'
import { Here } from './presence'
import { type Row, rows, shownName } from './tree-model'

type NameAsk = { kind: 'file' | 'folder'; folder: string } | { kind: 'rename'; path: string }
type Ask = NameAsk | { kind: 'remove'; path: string }
const parent = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))
const join = (folder: string, name: string) => (folder ? `${folder}/${name}` : name)
const folders = (path: string): string[] => (path.includes('/') ? [parent(path), ...folders(parent(path))] : [])
const canEdit = () => !['viewer', 'commenter'].includes(live.value?.role.value ?? 'viewer')

function TreeRow({
  row,
  focused,
  onAsk,
  onToggle,
}: {
  row: Row
  focused: boolean
  onAsk: (a: Ask) => void
  onToggle: () => void
}) {
  const { node, depth, open } = row
  const status = files.statusOf.value.get(node.path)
  const active = live.value?.documents.active.value?.path.value === node.path
  const folder = node.kind === 'folder'
  const items: MenuItem[] = [
    ...(folder ? [{ label: words.newFileIn, run: () => onAsk({ kind: 'file', folder: node.path }) }] : []),
    { label: words.rename, run: () => onAsk({ kind: 'rename', path: node.path }) },
    { label: words.remove, run: () => onAsk({ kind: 'remove', path: node.path }) },
    ...(folder
      ? []
      : [
          {
            label: words.download,
            run: () => location.assign(`/api/workspaces/${live.peek()?.id}/raw?path=${encodeURIComponent(node.path)}`),
          },
        ]),
  ]
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys of all its rows
    <div
      class={`tree-row${active ? ' on' : ''}${node.problem ? ' dim' : ''}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-expanded={folder ? open : undefined}
      aria-selected={active}
      tabIndex={focused ? 0 : -1}
      data-path={node.path}
      title={node.problem || node.name}
      draggable
      onDragStart={(e) => drag(e, folder ? `${node.path}/` : node.path)}
      style={{ paddingLeft: `${12 + depth * 14}px` }}
      onContextMenu={(e) => {
        e.preventDefault()
        e.currentTarget.querySelector<HTMLElement>('.acts button')?.click()
      }}
      onClick={() => (folder ? onToggle() : void files.openFile(node.path))}
    >
      {folder ? <Icon name={open ? 'chevron-down' : 'chevron-right'} size={14} /> : <span class="twig" />}
      <span class="name">{node.name}</span>
      <Here path={node.path} folder={folder && !open} />
      {status && (
        <small class={`git-${status === '?' ? 'A' : status}`} title={words.statusOf[status]}>
          {status === '?' ? 'new' : status}
        </small>
      )}
      {canEdit() && (
        // biome-ignore lint/a11y/noStaticElementInteractions: the row must not open when its menu does
        <span class="acts" onClick={(e) => e.stopPropagation()} onKeyDown={(e) => e.stopPropagation()}>
          <Menu
            button={<Icon name="ellipsis" size={14} />}
            label={words.more(node.name)}
            tabIndex={focused ? 0 : -1}
            items={items}
            class="quiet icon"
          />
        </span>
      )}
    </div>
  )
}

// Folders that are open; they stay so while another panel is shown.
const open = signal<ReadonlySet<string>>(new Set())

export function FileTree() {
  const at = useSignal<string | null>(null)
  const ask = useSignal<Ask | null>(null)
  const box = useRef<HTMLDivElement>(null)
  const list = rows(files.nodes.value, open.value)
  // The shown file is in sight.
  useSignalEffect(() => {
    const shown = live.value?.documents.active.value?.path.value
    if (shown?.includes('/')) open.value = new Set([...open.peek(), ...folders(shown)])
  })
  const toggle = (path: string) => {
    const next = new Set(open.value)
    if (!next.delete(path)) next.add(path)
    open.value = next
  }
  const focusPath = (path: string) => {
    at.value = path
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`)?.focus())
  }
  const focus = (row: Row | undefined) => row && focusPath(row.node.path)
  // The row that had the focus is gone: the renamed one has it now, or the neighbour of the deleted one.
  const next = (path: string) => {
    const index = list.findIndex((row) => row.node.path === path)
    return (list[index + 1] ?? list[index - 1])?.node.path
  }
  const onKeyDown = (e: KeyboardEvent) => {
    const index = list.findIndex((r) => r.node.path === (document.activeElement as HTMLElement)?.dataset.path)
    const row = list[index]
    if (!row) return
    const acts: Record<string, () => void> = {
      ArrowDown: () => focus(list[index + 1]),
      ArrowUp: () => focus(list[index - 1]),
      Home: () => focus(list[0]),
      End: () => focus(list.at(-1)),
      ArrowRight: () => (row.node.kind === 'folder' && !row.open ? toggle(row.node.path) : focus(list[index + 1])),
      ArrowLeft: () =>
        row.open ? toggle(row.node.path) : focus(list.find((r) => r.node.path === parent(row.node.path))),
      Enter: () => (row.node.kind === 'folder' ? toggle(row.node.path) : void files.openFile(row.node.path)),
      F2: () => canEdit() && (ask.value = { kind: 'rename', path: row.node.path }),
      Delete: () => canEdit() && (ask.value = { kind: 'remove', path: row.node.path }),
    }
    const run = acts[e.key]
    if (!run) return
    e.preventDefault()
    run()
  }
  const drop = (e: DragEvent) => {
    e.preventDefault()
    const row = (e.target as HTMLElement).closest<HTMLElement>('[data-path]')
    const path = row?.dataset.path ?? ''
    const folder = row?.getAttribute('aria-expanded') ? path : parent(path)
    if (e.dataTransfer?.files.length && canEdit()) void files.send(folder, e.dataTransfer.files)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping files has its twin in the upload button
    <div class="side-body" onDragOver={(e) => e.preventDefault()} onDrop={drop}>
      <SideHead ask={(a) => (ask.value = a)} />
      {files.treeProblem.value && (
        <Failure problem={files.treeProblem.value.problem} retry={() => void files.refresh()} />
      )}
      {!files.tree.value && !files.treeProblem.value && <Skeleton rows={6} />}
      {files.tree.value && !list.length && <Empty title={words.emptyTree} text={words.emptyTreeText} />}
      {list.length > 0 && (
        <div ref={box} role="tree" aria-label={words.files} onKeyDown={onKeyDown} tabIndex={-1}>
          {list.map((row, index) => (
            <TreeRow
              key={row.node.path}
              row={row}
              focused={at.value ? at.value === row.node.path : index === 0}
              onAsk={(a) => (ask.value = a)}
              onToggle={() => toggle(row.node.path)}
            />
          ))}
        </div>
      )}
      {files.tree.value?.truncated && <p class="side-note">{words.truncated}</p>}
      {ask.value && <AskDialog ask={ask.value} next={next} onDone={focusPath} onClose={() => (ask.value = null)} />}
    </div>
  )
}

function SideHead({ ask }: { ask: (a: Ask) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const head = (name: 'file-plus' | 'folder-plus' | 'upload' | 'refresh-cw', label: string, run: () => void) => (
    <button type="button" class="quiet icon" aria-label={label} title={label} onClick={run}>
      <Icon name={name} size={14} />
    </button>
  )
  return (
    <header class="side-head">
      <h2>{words.files}</h2>
      {canEdit() && head('file-plus', words.newFile, () => ask({ kind: 'file', folder: '' }))}
      {canEdit() && head('folder-plus', words.newFolder, () => ask({ kind: 'folder', folder: '' }))}
      {canEdit() && head('upload', words.upload, () => input.current?.click())}
      {head('refresh-cw', words.refresh, () => void files.refresh())}
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={words.upload}
        onChange={(e) => {
          void files.send('', [...(e.currentTarget.files ?? [])])
          e.currentTarget.value = '' // the same file may be sent again
        }}
      />
    </header>
  )
}

interface Asked {
  onClose: () => void
  onDone: (path: string) => void
}

function AskDialog({ ask, next, ...rest }: Asked & { ask: Ask; next: (path: string) => string | undefined }) {
  if (ask.kind !== 'remove') return <Name ask={ask} {...rest} />
  return <Remove path={ask.path} next={next(ask.path)} {...rest} />
}

function Remove({ path, next, onClose, onDone }: Asked & { path: string; next: string | undefined }) {
  const gone = async () => {
    if (!(await files.remove(path))) return
    onClose()
    if (next) onDone(next)
  }
  const footer = (
    <>
      <button type="button" autofocus onClick={onClose}>
        {words.cancel}
      </button>
      <button type="button" class="danger" onClick={() => void gone()}>
        {words.delete}
      </button>
    </>
  )
  return (
    <Dialog title={words.removeTitle(shownName(path))} open onClose={onClose} footer={footer}>
      <p>{words.removeText}</p>
    </Dialog>
  )
}

const TITLES = { file: words.newFile, folder: words.newFolder, rename: words.rename.replace('…', '') }

function Name({ ask, onClose, onDone }: Asked & { ask: NameAsk }) {
  const name = useSignal(ask.kind === 'rename' ? ask.path : '')
  const input = useRef<HTMLInputElement>(null)
  const submit = async (e: Event) => {
    e.preventDefault()
    const value = name.value.trim()
    if (!value) return input.current?.focus()
    const path = ask.kind === 'rename' ? value : join(ask.folder, value)
    const done = ask.kind === 'rename' ? await files.move(ask.path, path) : await files.make(path, ask.kind)
    if (!done) return
    onClose()
    if (ask.kind === 'file') void files.openFile(path)
    else onDone(path)
  }
  return (
    <Dialog title={TITLES[ask.kind]} open onClose={onClose}>
      <form class="ask-name" onSubmit={(e) => void submit(e)}>
        <label class="field">
          <span class="small muted">{words.nameOf[ask.kind]}</span>
          <input
            ref={input}
            autofocus
            value={name.value}
            spellcheck={false}
            autocomplete="off"
            onInput={(e) => (name.value = e.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          {ask.kind === 'rename' ? TITLES.rename : words.create}
        </button>
      </form>
    </Dialog>
  )
}
