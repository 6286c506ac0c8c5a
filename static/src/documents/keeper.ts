// Keeps one copy of a document in the browser for as long as something in it is not saved.
import { effect, signal } from '@preact/signals'
import * as Y from 'yjs'
import type { Kept, Store } from './offline'
import type { Replica } from './replica'

const CALM_MS = 100 // most writes are saved before they would be kept
const SHARE = 20 // encoding takes at most one part in so many of the thread

export class Keeper {
  readonly kept = signal(true) // nothing is in this tab's memory alone
  readonly failed = signal(false) // the browser has no room, or keeps nothing
  private keys = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private wait = CALM_MS
  private version = 0
  private stop: () => void

  // `row` gives everything of the row but its state. `restored` are the keys of what the copy was made from.
  constructor(
    private store: Store,
    private replica: Replica,
    private row: () => Omit<Kept, 'key' | 'at' | 'state'>,
    restored: string[],
  ) {
    this.keys = new Set(restored)
    replica.doc.on('update', this.changed)
    this.stop = effect(() => {
      if (!replica.unsaved) queueMicrotask(() => !replica.unsaved && void this.clear())
    })
  }

  // Keeps it now, as before the page goes.
  async flush() {
    clearTimeout(this.timer)
    this.timer = undefined
    if (!this.replica.unsaved) return
    const version = this.version
    const began = performance.now()
    const state = Y.encodeStateAsUpdate(this.replica.doc)
    this.wait = Math.max(CALM_MS, (performance.now() - began) * SHARE)
    const key = `${this.replica.id}/${this.replica.doc.clientID}`
    this.keys.add(key)
    try {
      await this.store.keep({ ...this.row(), key, at: Date.now(), state })
      this.failed.value = false
      if (version === this.version) this.kept.value = true
    } catch {
      this.failed.value = true
    }
    if (!this.replica.unsaved) await this.clear()
  }

  // Its rows are left as they are.
  end() {
    this.stop()
    clearTimeout(this.timer)
    this.replica.doc.off('update', this.changed)
  }

  // All of it is somewhere else now.
  async clear() {
    clearTimeout(this.timer)
    this.timer = undefined
    this.kept.value = true
    this.failed.value = false
    const keys = [...this.keys]
    this.keys.clear()
    if (keys.length) await this.store.drop(keys).catch(() => {})
  }

  private changed = (_: Uint8Array, origin: unknown) => {
    if (origin === this.replica.provider && !this.replica.unsaved) return
    this.version++
    if (origin !== this.replica.provider) this.kept.value = false
    this.timer ??= setTimeout(() => void this.flush(), this.wait)
  }
}
