// Mentions as chips: they open what they name; in the composer they can be taken away again.
import { EditorView } from '@codemirror/view'
import { effect } from '@preact/signals'
import type { OpenDocument } from '../../documents/open'
import { changes as gitChanges } from '../../git/state'
import { Icon } from '../../ui/icon'
import { toast } from '../../ui/toast'
import { words } from '../../ui/words/composer'
import type { Mention } from '../../wire'
import { openFile } from '../../workspace/files'
import { change, pane, side } from '../../workspace/layout'
import { type Live, live } from '../../workspace/live'
import { ICONS, labelOf } from './mentions'
import './mention.css'
import { showTurn } from '../show'
import { sessions } from '../store'

interface Props {
  list: readonly Mention[]
  remove?: (mention: Mention) => void
}

export function MentionChips({ list, remove }: Props) {
  return (
    <ul class="chips" aria-label={words.mentioned}>
      {list.map((mention) => (
        <Chip mention={mention} remove={remove} />
      ))}
    </ul>
  )
}

function Chip({ mention, remove }: { mention: Mention; remove: Props['remove'] }) {
  const label = labelOf(mention)
  const open = opener(mention)
  const name = (
    <>
      <Icon name={ICONS[mention.kind]} size={12} /> <span>{label}</span>
    </>
  )
  return (
    <li class="chip">
      {open ? (
        <button type="button" title={words.open(label)} onClick={() => void open()}>
          {name}
        </button>
      ) : (
        <span title={label}>{name}</span>
      )}
      {remove && (
        <button type="button" class="chip-x" aria-label={words.remove(label)} onClick={() => remove(mention)}>
          <Icon name="x" size={12} />
        </button>
      )}
    </li>
  )
}

/** How to look at what is mentioned; null where there is no place for it on the screen. */
function opener(mention: Mention): (() => unknown) | null {
  const { kind, path = '', line, id } = mention
  const now = live.peek()
  if (!now) return null
  if (kind === 'file' || kind === 'symbol') return () => openFile(path, line)
  if (kind === 'selection') return () => select(now, mention)
  if (kind === 'diff') return () => gitChanges.peek().length && showSide('changes')
  if (kind === 'job') return () => showSide('jobs')
  const session = sessions.peek()?.current.peek()
  return kind === 'turn' && session && id ? () => showTurn(session, id) : null
}

function showSide(name: 'changes' | 'jobs') {
  side.value = name
  change({ sideOpen: true })
  pane.value = 'side'
}

/** Open the file and select what was meant, where it is now. */
async function select(now: Live, { path = '', from, to }: Mention) {
  await openFile(path)
  const doc = now.documents.tabs.peek().find((one) => one.path.peek() === path)
  if (doc) await loaded(doc)
  const [anchor, head] = [from, to].map((at) => (at ? (doc?.posOf(at) ?? null) : null))
  if (!doc || anchor == null || head == null) return
  if (anchor === head) return toast(words.selectionGone, 'warn')
  doc.dispatch({ selection: { anchor, head }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) })
}

const loaded = (doc: OpenDocument) =>
  new Promise<void>((done) => {
    const stop = effect(() => {
      if (!doc.loaded.value) return
      done()
      queueMicrotask(() => stop())
    })
  })
