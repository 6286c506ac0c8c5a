// What the server did not take, shown to who wrote it: to copy, to make again, or to throw away. Nothing of it is merged
// without being asked for.
import { signal } from '@preact/signals'
import { Icon } from '../ui/icon'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/documents'
import { live } from '../workspace/live'
import './aside.css'
import type { OpenDocument } from './open'

export const asideShown = signal<string | null>(null)
const Shown = lazy(
  () => import('./aside-dialog').then((part) => part.AsideShown),
  () => null,
)

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
