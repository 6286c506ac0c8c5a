// The editor area: tabs, the shown document, and what to do when there is none.
import { useEffect, useRef } from 'preact/hooks'
import { AsideBanner, AsideDialog } from '../documents/aside'
import type { OpenDocument } from '../documents/open'
import { endComparison } from '../history/compared'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { toast } from '../ui/toast'
import { words } from '../ui/words/shell'
import { keyText, registerCommand } from './commands'
import { drag } from './drag'
import { openPalette } from './find'
import { FollowBar } from './follow-bar'
import { live } from './live'
import { Here } from './presence'
import { toFiles } from './route'
import { shownName } from './tree-model'

const documents = () => live.value?.documents ?? null
const show = (doc: OpenDocument) => {
  endComparison()
  toFiles()
  documents()?.show(doc)
  doc.focus()
}

function Tab({ doc, on }: { doc: OpenDocument; on: boolean }) {
  const path = doc.path.value
  const name = shownName(path.split('/').pop() ?? '')
  const unsent = doc.saved.value === 'typing' || doc.saved.value === 'kept'
  const box = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (on) box.current?.scrollIntoView({ inline: 'nearest', block: 'nearest' })
  }, [on])
  return (
    <span ref={box} class={`tab${on ? ' on' : ''}`}>
      <button
        type="button"
        aria-pressed={on}
        title={shownName(path)}
        draggable
        onDragStart={(e) => drag(e, path)}
        onClick={() => show(doc)}
      >
        {name}
        <Here path={path} size={14} />
        {unsent && <i class="dot warn-dot" title={words.saved[doc.saved.value]} />}
      </button>
      <button
        type="button"
        class="quiet icon close"
        aria-label={words.closeTab(name)}
        onClick={() => documents()?.close(doc)}
      >
        <Icon name="x" size={12} />
      </button>
    </span>
  )
}

export function Tabs() {
  const all = documents()
  return (
    <div class="tabs" role="group" aria-label={words.openFiles}>
      {all?.tabs.value.map((doc) => (
        <Tab key={doc.id} doc={doc} on={doc === all.active.value} />
      ))}
    </div>
  )
}

function Mounted({ doc }: { doc: OpenDocument }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => doc.mount(box.current!), [doc])
  return <div ref={box} class="editor" />
}

export function Editor() {
  return (
    <>
      <Shown />
      <AsideDialog />
      <FollowBar />
    </>
  )
}

function Shown() {
  const doc = documents()?.active.value
  if (!doc)
    return (
      <Empty
        title={words.noFile}
        text={words.noFileText(keyText('Mod-p'), keyText('Mod-k'))}
        act={{ label: words.find, run: () => openPalette() }}
      />
    )
  if (doc.refused.value)
    return (
      <>
        <AsideBanner doc={doc} />
        <Failure problem={{ code: 'refused', message: doc.refused.value, do: '' }} />
      </>
    )
  return (
    <>
      <AsideBanner doc={doc} />
      {doc.access.value === 'read' && (
        <p class="banner">
          <Icon name="info" size={14} />
          {words.readOnly}. {doc.reason.value}
        </p>
      )}
      <Mounted key={doc.id} doc={doc} />
      {!doc.loaded.value && <p class="opening muted">{words.opening}</p>}
    </>
  )
}

const step = (by: number) => {
  const all = documents()
  const tabs = all?.tabs.value ?? []
  const at = tabs.findIndex((doc) => doc === all?.active.value)
  const next = tabs[(at + by + tabs.length) % tabs.length]
  if (next) show(next)
}
const isOpen = () => !!documents()?.active.value

registerCommand({
  id: 'tab.close',
  title: 'Close file',
  key: 'Alt-w',
  when: isOpen,
  run: () => {
    documents()!.close(documents()!.active.value!)
    documents()!.active.value?.focus()
  },
})
registerCommand({ id: 'tab.next', title: 'Next file', key: 'Alt-]', when: isOpen, run: () => step(1) })
registerCommand({ id: 'tab.previous', title: 'Previous file', key: 'Alt-[', when: isOpen, run: () => step(-1) })
for (let n = 1; n <= 9; n++)
  registerCommand({
    id: `tab.${n}`,
    title: `Go to file ${n}`,
    key: `Alt-${n}`,
    hidden: true,
    when: () => (documents()?.tabs.value.length ?? 0) >= n,
    run: () => show(documents()!.tabs.value[n - 1]!),
  })
registerCommand({ id: 'file.save', title: 'Save', key: 'Mod-s', when: isOpen, run: () => toast(words.allSaved) })
