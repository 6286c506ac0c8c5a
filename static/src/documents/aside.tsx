// What the server did not take, shown to who wrote it: to copy, to make again, or to throw away. Nothing of it is merged
// without being asked for.
import { signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Dialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { toast } from '../ui/toast'
import { words } from '../ui/words/documents'
import { live } from '../workspace/live'
import './aside.css'
import type { Aside } from './offline'
import type { OpenDocument } from './open'

export const asideShown = signal<string | null>(null)
const patches = () => import('./patch')
type Patches = Awaited<ReturnType<typeof patches>>

export function AsideBanner({ doc }: { doc: OpenDocument }) {
  const found = live.value?.documents.asides.value.find((aside) => aside.document === doc.id)
  if (!found) return null
  return (
    <p class="banner warn" role="status">
      <Icon name="triangle-alert" size={14} />
      <span>{words.asideBanner}</span>
      <button type="button" onClick={() => (asideShown.value = found.key)}>
        {words.asideLook}
      </button>
    </p>
  )
}

export function AsideDialog() {
  const found = live.value?.documents.asides.value.find((aside) => aside.key === asideShown.value)
  return found ? <Shown key={found.key} aside={found} /> : null
}

function Shown({ aside }: { aside: Aside }) {
  const code = useSignal<Patches | null>(null)
  useEffect(() => void patches().then((loaded) => (code.value = loaded)), [])
  const documents = live.value!.documents
  const doc = documents.byId(aside.document)
  const base = aside.base ?? doc?.text.toString() ?? ''
  const close = () => (asideShown.value = null)
  const forget = () => {
    close()
    documents.forget(aside)
  }
  const writable = doc ? doc.access.value === 'edit' && doc.loaded.value && !doc.renewing.value : true
  const apply = async () => {
    const shown = await documents.open(aside.path)
    if (!shown.loaded.value || shown.access.value === 'read') return void toast(words.cannotApply, 'warn')
    shown.edit(code.value!.again(base, aside.text, shown.state.doc.toString()))
    forget()
    toast(words.applied)
  }
  const copy = async (text: string) => {
    await navigator.clipboard.writeText(text)
    toast(words.copied)
  }
  const lines = code.value?.patchLines(base, aside.text) ?? []
  return (
    <Dialog
      title={words.asideTitle(aside.path)}
      open
      onClose={close}
      footer={
        <>
          <button type="button" class="quiet" onClick={forget}>
            {words.discard}
          </button>
          <button type="button" onClick={() => void copy(aside.text)}>
            {words.copyText}
          </button>
          <button
            type="button"
            disabled={!code.value}
            onClick={() => void copy(code.value!.patchOf(aside.path, base, aside.text))}
          >
            {words.copyPatch}
          </button>
          <button
            type="button"
            class="primary"
            disabled={!code.value || !writable}
            title={writable ? undefined : words.cannotApply}
            onClick={() => void apply()}
          >
            {words.applyAgain}
          </button>
        </>
      }
    >
      <p>{words.asideWhy[aside.why]}</p>
      <p class="muted">{words.asideWhat}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre class="patch" tabIndex={0}>
        {lines.map((line, at) => (
          <span key={at} data-sign={line.sign}>
            {line.sign === '@' ? line.text : `${line.sign}${line.text}`}
            {'\n'}
          </span>
        ))}
      </pre>
    </Dialog>
  )
}
