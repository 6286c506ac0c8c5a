// Documents whose file was deleted, kept from events: a bar above the text says so, and makes the file again when a
// person asks for it (detached-bar.tsx).
import { effect, type Signal, signal } from '@preact/signals'
import { later } from '../ui/lazy'
import type { Id } from '../wire'
import { live } from '../workspace/live'
import { coming } from './coming'
import { registerExtension } from './open'

export const detached: Signal<ReadonlySet<Id>> = signal(new Set())

effect(() => {
  const now = live.value
  if (!now) return
  const stop = now.on((event) => {
    if (event.type !== 'document.access' || event.detached === detached.peek().has(event.document)) return
    const next = new Set(detached.peek())
    if (event.detached) next.add(event.document)
    else next.delete(event.document)
    detached.value = next
  })
  return () => {
    stop()
    detached.value = new Set()
  }
})

const load = later(() => import('./detached-bar'))
registerExtension((doc, now) => coming(async () => (await load()).detachedBar(doc, now)))
