// Where the file on disk and the document changed the same lines, kept from events; drawn by conflict-draw.tsx.
import { effect, type Signal, signal } from '@preact/signals'
import { later } from '../../ui/lazy'
import type { DiskConflict, Id } from '../../wire'
import { live } from '../../workspace/live'
import { coming } from '../coming'
import { registerExtension } from '../open'

/** What is undecided, by document. */
export const conflicts: Signal<ReadonlyMap<Id, readonly DiskConflict[]>> = signal(new Map())

effect(() => {
  const now = live.value
  if (!now) return
  const stop = now.on((event) => {
    if (event.type === 'document.conflict')
      conflicts.value = new Map([...conflicts.peek(), [event.document, event.hunks] as const])
    if (event.type === 'document.access' && event.access === 'read') {
      const doc = now.documents.byId(event.document)
      if (doc) doc.reason.value = event.reason
    }
  })
  return () => {
    stop()
    conflicts.value = new Map()
  }
})

const load = later(() => import('./draw'))
registerExtension((doc, now) => coming(async () => (await load()).choices(doc, now)))
