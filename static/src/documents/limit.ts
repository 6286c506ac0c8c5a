// A document has a largest size. A paste over it is refused here, whole, before it could be sent and refused for ever.
import { EditorState, type Extension, type Text, type Transaction } from '@codemirror/state'
import { toast } from '../ui/toast'
import { words } from '../ui/words/shell'

export const LIMIT = 5 * 1024 * 1024 // bytes of UTF-8, as the server counts
const PASTE = 64 * 1024 // UTF-16 units; bytes are counted when so much comes at once, not at each key

const utf8 = new TextEncoder()

function tooLarge({ newDoc, changes }: Transaction): boolean {
  if (newDoc.length > LIMIT) return true
  let most = 0
  changes.iterChanges((_from, _to, _start, _end, inserted) => {
    most = Math.max(most, inserted.length)
  })
  return most > PASTE && newDoc.length * 3 > LIMIT && bytesOf(newDoc) > LIMIT
}

function bytesOf(text: Text): number {
  let bytes = 0
  for (const part of text.iter()) bytes += utf8.encode(part).length
  return bytes
}

// Remote changes are dispatched with `filter: false`: what the host has taken is never refused.
export const limit: Extension = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || !tooLarge(transaction)) return transaction
  if (transaction.newDoc.length < transaction.startState.doc.length) return transaction
  queueMicrotask(() => toast(words.tooLarge, 'warn'))
  return []
})
