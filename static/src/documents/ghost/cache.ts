// What was suggested where, so that the same place is not asked about twice, and typing along a suggestion keeps it.
import type { Text } from '@codemirror/state'

const KEPT = 100
const BEFORE = 400 // characters that make a place
const AFTER = 80
const ALONG = 60 // characters typed along a suggestion

export interface Place {
  readonly before: string
  readonly after: string
}

export const placeOf = (doc: Text, at: number): Place => ({
  before: doc.sliceString(Math.max(0, at - BEFORE - ALONG), at),
  after: doc.sliceString(at, Math.min(doc.length, at + AFTER)),
})

export class GhostCache {
  private held = new Map<string, string>()

  put(place: Place, text: string): void {
    const key = keyOf(place.before, place.after)
    this.held.delete(key)
    this.held.set(key, text)
    const oldest = this.held.keys().next().value
    if (this.held.size > KEPT && oldest !== undefined) this.held.delete(oldest)
  }

  /** What is known to come here: '' for nothing, null if it must be asked. */
  get({ before, after }: Place): string | null {
    const here = this.held.get(keyOf(before, after))
    if (here !== undefined) return here
    for (let n = 1; n <= Math.min(ALONG, before.length); n++) {
      const text = this.held.get(keyOf(before.slice(0, -n), after))
      if (text && text.length > n && text.startsWith(before.slice(-n))) return text.slice(n)
    }
    return null
  }

  /** Nothing is to come here, nor what leads here. */
  refuse(place: Place): void {
    const { before, after } = place
    for (let n = 1; n <= Math.min(ALONG, before.length); n++) {
      const key = keyOf(before.slice(0, -n), after)
      if (this.held.get(key)?.startsWith(before.slice(-n))) this.held.delete(key)
    }
    this.put(place, '')
  }
}

const keyOf = (before: string, after: string) => `${before.slice(-BEFORE)}\0${after}`
