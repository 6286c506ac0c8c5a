// The dialog about what the server did not take.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Dialog } from '../ui/dialog'
import { toast } from '../ui/toast'
import { words } from '../ui/words/documents'
import { live } from '../workspace/live'
import { asideShown } from './aside'
import type { Aside } from './offline'

const patches = () => import('./patch')
type Patches = Awaited<ReturnType<typeof patches>>

export function AsideShown({ aside }: { aside: Aside }) {
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
