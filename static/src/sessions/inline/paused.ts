// Where somebody typed into what a turn writes, kept from events and snapshots. Its bar is drawn by paused-bar.tsx.

import { effect, type Signal, signal } from '@preact/signals'
import { coming } from '../../documents/coming'
import { registerExtension } from '../../documents/open'
import { later } from '../../ui/lazy'
import { words as all } from '../../ui/words/queue'
import type { Event, Paused } from '../../wire'
import { live } from '../../workspace/live'
import { say } from '../say'
import { sessions } from '../store'

/** By turn and document (`<turn>/<document>`). */
export const pauses: Signal<ReadonlyMap<string, Paused>> = signal(new Map())

/** The pauses after the event; the same map if it says nothing about them. */
export function pausesAfter(map: ReadonlyMap<string, Paused>, event: Event): ReadonlyMap<string, Paused> {
  if (event.type === 'turn.ended') {
    const left = [...map].filter(([, one]) => one.turn !== event.turn.id)
    return left.length === map.size ? map : new Map(left)
  }
  if (event.type !== 'region.paused') return map
  const next = new Map(map)
  const key = `${event.turn}/${event.document}`
  if (event.state === 'typing') next.set(key, event)
  else next.delete(key)
  return next
}

effect(() => {
  const now = live.value
  if (!now) return
  const stop = now.on((event) => {
    const after = pausesAfter(pauses.peek(), event)
    if (after.size > pauses.peek().size) say(all.paused.said)
    pauses.value = after
  })
  // Who joins in the middle has it from the session's snapshot.
  const known = effect(() => {
    const found = sessions.value?.view.value?.paused ?? []
    const missing = found.filter((one) => !pauses.peek().has(`${one.turn}/${one.document}`))
    if (missing.length)
      pauses.value = new Map([...pauses.peek(), ...missing.map((one) => [`${one.turn}/${one.document}`, one] as const)])
  })
  return () => {
    stop()
    known()
    pauses.value = new Map()
  }
})

const load = later(() => import('./paused-bar'))
registerExtension((doc, now) => coming(async () => (await load()).pausedBar(doc, now)))
