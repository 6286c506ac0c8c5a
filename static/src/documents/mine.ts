// What was written here and is not saved yet, as the change that would take it back: from the editor's text to the text
// as it would be without. It is carried through what others write, so that it can be told apart from theirs.
import { ChangeSet, Text, type Transaction } from '@codemirror/state'
import { remote } from './binding'

export class Mine {
  constructor(
    private back: ChangeSet | null = null,
    private known = true,
  ) {}

  take(transaction: Transaction) {
    if (!transaction.docChanged) return
    const { changes, startState } = transaction
    if (transaction.annotation(remote)) this.back = this.back?.map(changes) ?? null
    else {
      const inverse = changes.invert(startState.doc)
      this.back = this.back ? inverse.compose(this.back) : inverse
    }
  }

  clear() {
    this.back = null
    this.known = true
  }

  // The text without it; null where that is not known.
  without(doc: Text): string | null {
    if (!this.known || (this.back && this.back.length !== doc.length)) return null
    return (this.back?.apply(doc) ?? doc).toString()
  }

  toJSON(): unknown {
    return this.known ? (this.back?.toJSON() ?? null) : null
  }

  static fromJSON(json: unknown): Mine {
    return json ? new Mine(ChangeSet.fromJSON(json)) : new Mine(null, false)
  }
}

export const textOf = (text: string) => Text.of(text.split('\n'))

// The one change from a text to another: what both begin and end with stays, and so does the place that is looked at.
export function difference(before: string, after: string): { from: number; to: number; insert: string } | [] {
  if (before === after) return []
  const most = Math.min(before.length, after.length)
  let from = 0
  while (from < most && before[from] === after[from]) from++
  let end = 0
  while (end < most - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end++
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) }
}
