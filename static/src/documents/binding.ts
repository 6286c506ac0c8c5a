// Y.Text ↔ editor text, for a document with or without a view.
//
// Remote changes are composed into `pending` and dispatched once per frame. A local change that happens while some are
// pending was made against the text without them: both are rebased over each other, so Y and the editor stay equal.
import { Annotation, ChangeSet, type ChangeSpec, type Transaction } from '@codemirror/state'
import type * as Y from 'yjs'

export const remote = Annotation.define<boolean>()

export class Binding {
  private pending: ChangeSet | null = null

  constructor(
    readonly text: Y.Text,
    private wake: () => void,
  ) {
    text.observe(this.observed)
  }

  destroy() {
    this.text.unobserve(this.observed)
  }

  private observed = (event: Y.YTextEvent, transaction: Y.Transaction) => {
    if (transaction.origin === this) return
    const specs: ChangeSpec[] = []
    let at = 0
    let before = this.text.length
    for (const part of event.delta) {
      if (typeof part.insert === 'string') {
        specs.push({ from: at, insert: part.insert })
        before -= part.insert.length
      } else if (part.delete !== undefined) {
        specs.push({ from: at, to: at + part.delete })
        at += part.delete
        before += part.delete
      } else at += part.retain ?? 0
    }
    const changes = ChangeSet.of(specs, before, '\n')
    this.pending = this.pending ? this.pending.compose(changes) : changes
    this.wake()
  }

  // What is to be dispatched now, or null.
  take(): ChangeSet | null {
    const changes = this.pending
    this.pending = null
    return changes
  }

  // Whether what waits changes the editor's text between two positions.
  touches(from: number, to: number): boolean {
    return !!this.pending?.touchesRange(from, to)
  }

  // Write a local transaction into Y.
  write(transaction: Transaction) {
    let changes = transaction.changes
    if (this.pending) {
      const waiting = this.pending
      changes = transaction.changes.map(waiting)
      this.pending = waiting.map(transaction.changes, true)
    }
    this.text.doc?.transact(() => {
      let shift = 0
      changes.iterChanges((from, to, _from, _to, inserted) => {
        if (to > from) this.text.delete(from + shift, to - from)
        if (inserted.length) this.text.insert(from + shift, inserted.toString())
        shift += inserted.length - (to - from)
      })
    }, this)
  }

  // Positions of the editor's text ↔ of Y's.
  toY(position: number, assoc = -1) {
    return this.pending ? this.pending.mapPos(position, assoc) : position
  }

  fromY(position: number) {
    return this.pending ? this.pending.invertedDesc.mapPos(position) : position
  }
}
