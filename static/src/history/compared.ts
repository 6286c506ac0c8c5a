// What the editor area compares instead of showing the file: an old version with now, or the last commit with now.
import { type Signal, signal } from '@preact/signals'
import type { Id, VersionRow } from '../wire'
import { pane } from '../workspace/layout'

export interface Comparison {
  path: string
  document: Id | null
  title: string
  labels: [string, string]
  before: string
  after: string
  row: VersionRow | null // the version that can be restored
  again: () => Promise<void> // the same, read anew
}

export const compared: Signal<Comparison | null> = signal(null)

export function compare(what: Comparison) {
  compared.value = what
  pane.value = 'main'
}

export function endComparison() {
  compared.value = null
}
