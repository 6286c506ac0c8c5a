// A provider of one document that knows what the server has committed.
//
// The stock counter cannot be believed: it starts at one at every connect, while edits queued offline are acknowledged
// as well, so it reaches zero before the last of them is saved. Here nothing is queued without a connection (the sync
// step 2 of the next one carries it all), and every write is counted against its SyncStatus, which follows the commit.
import { HocuspocusProvider } from '@hocuspocus/provider'
import { signal } from '@preact/signals'

const OPEN = 1
const SYNC = 0
const STEP_1 = 0
const STATUS = 8

export class DocumentProvider extends HocuspocusProvider {
  readonly outstanding = signal(0) // writes sent on this connection and not yet acknowledged
  readonly unsent = signal(false) // the document holds something no connection has carried

  override send(message: Parameters<HocuspocusProvider['send']>[0], args: { update?: Uint8Array }) {
    const open = this.configuration.websocketProvider.webSocket?.readyState === OPEN
    if (args.update && open) this.outstanding.value++
    else if (args.update) this.unsent.value = true
    if (open) super.send(message, args)
  }

  override onMessage(event: MessageEvent) {
    super.onMessage(event)
    // Document ids are shorter than 128 bytes, so the length of the name is one byte.
    const bytes = new Uint8Array(event.data as ArrayBuffer)
    const at = bytes[0]! + 1
    if (bytes[at] === SYNC && bytes[at + 1] === STEP_1) this.answered()
    // A write that was refused stays outstanding: it is not saved, and never will be.
    if (bytes[at] === STATUS && bytes[at + 1] === 1) this.outstanding.value = Math.max(0, this.outstanding.value - 1)
  }

  override onClose() {
    if (this.outstanding.value) this.unsent.value = true
    this.outstanding.value = 0
    super.onClose()
  }

  // Our step 2 has left: all the server lacked.
  private answered() {
    this.outstanding.value++
    this.unsent.value = false
  }
}
