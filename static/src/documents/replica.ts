// Replica: this tab's copy of one document in one epoch, bound to the editor's text and joined to the server.
import * as Y from 'yjs'
import type { DocumentProvider } from '../net/provider'
import type { Socket } from '../net/socket'
import type { Id } from '../wire'
import { Binding } from './binding'

const UNDO_MS = 400 // edits closer together are taken back as one

export class Replica {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  readonly binding: Binding
  readonly undo: Y.UndoManager
  readonly provider: DocumentProvider

  // `restored` is what this browser kept. It goes in before there is a provider: it leaves in a sync step 2, which may
  // carry the text of others, never as an update of ours.
  constructor(
    socket: Socket,
    readonly id: Id,
    readonly epoch: number,
    restored: Uint8Array[],
    wake: () => void,
  ) {
    for (const state of restored) Y.applyUpdate(this.doc, state)
    this.binding = new Binding(this.text, wake)
    this.undo = new Y.UndoManager(this.text, { trackedOrigins: new Set([this.binding]), captureTimeout: UNDO_MS })
    this.provider = socket.provide(id, this.doc, epoch)
    if (restored.length) this.provider.unsent.value = true
  }

  // Whether it holds something that is not committed.
  get unsaved() {
    return this.provider.unsent.value || this.provider.outstanding.value > 0
  }

  destroy() {
    this.provider.destroy()
    this.binding.destroy()
    this.undo.destroy()
    this.doc.destroy()
  }
}
