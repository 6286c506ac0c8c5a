// A document has a largest size. A paste over it is refused here, whole, before it could be sent and refused for ever.
import { EditorState, type Extension } from '@codemirror/state'
import { toast } from '../ui/toast'
import { words } from '../ui/words/shell'

export const LIMIT = 5 * 1024 * 1024 // UTF-16 units; the server counts bytes and has the last word

// Remote changes are dispatched with `filter: false`: what the host has taken is never refused.
export const limit: Extension = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || transaction.newDoc.length <= LIMIT) return transaction
  if (transaction.newDoc.length < transaction.startState.doc.length) return transaction
  queueMicrotask(() => toast(words.tooLarge, 'warn'))
  return []
})
