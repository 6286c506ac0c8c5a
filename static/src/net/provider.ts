// A provider of one document that knows what the server has committed.
//
// The stock counter cannot be believed: it starts at one at every connect, while edits queued offline are acknowledged
// as well, so it reaches zero before the last of them is saved. Here nothing is queued without a connection (the sync
// step 2 of the next one carries it all), and every write is counted against its SyncStatus, which follows the commit.
import { HocuspocusProvider } from '@hocuspocus/provider'
import { signal } from '@preact/signals'
import { type Encoder, length } from 'lib0/encoding'

const OPEN = 1
const SYNC = 0
const STEP_1 = 0
const STEP_2 = 1
const STATUS = 8
const CHECK_MS = 30_000
const LARGEST = 8 << 20 // bytes of one message that the server reads

// Checks of this tab, and how many found that browser and server did not agree.
export const checks = { made: 0, healed: 0 }

export class DocumentProvider extends HocuspocusProvider {
  readonly outstanding = signal(0) // writes sent on this connection and not yet acknowledged
  readonly unsent = signal(false) // the document holds something no connection has carried
  // The server will not take what was written: it is not saved, and never will be.
  onRefused: (why: 'refused' | 'large') => void = () => {}
  private checking = false
  private withheld = false
  private timer = setInterval(() => this.check(), CHECK_MS)

  override send(message: Parameters<HocuspocusProvider['send']>[0], args: { update?: Uint8Array; encoder?: Encoder }) {
    if ((args.update?.byteLength ?? (args.encoder ? length(args.encoder) : 0)) > LARGEST) return this.withhold()
    const open = this.configuration.websocketProvider.webSocket?.readyState === OPEN
    if (args.update && open) this.outstanding.value++
    else if (args.update) this.unsent.value = true
    if (open) super.send(message, args)
  }

  // Ask whether both sides hold the same text; the answer mends what differs. Never while an acknowledgement is
  // outstanding: a difference would be no news.
  check(): boolean {
    const quiet = this.isAuthenticated && this.synced && !this.outstanding.value && !this.unsent.value
    if (!quiet || this.checking) return false
    this.checking = true
    checks.made++
    this.forceSync()
    return true
  }

  override onMessage(event: MessageEvent) {
    // Document ids are shorter than 128 bytes, so the length of the name is one byte.
    const bytes = new Uint8Array(event.data as ArrayBuffer)
    const at = bytes[0]! + 1
    const kind = bytes[at] === SYNC ? bytes[at + 1] : null
    if (kind === STEP_2 && this.checking) this.compare(() => super.onMessage(event))
    else super.onMessage(event)
    if (kind === STEP_1) this.answered()
    if (bytes[at] !== STATUS) return
    if (bytes[at + 1] === 1) this.outstanding.value = Math.max(0, this.outstanding.value - 1)
    else this.onRefused('refused')
  }

  override onClose() {
    if (this.outstanding.value) this.unsent.value = true
    this.outstanding.value = 0
    this.checking = false
    super.onClose()
  }

  override permissionDeniedHandler(reason: string) {
    if (this.outstanding.value) this.unsent.value = true
    this.outstanding.value = 0
    super.permissionDeniedHandler(reason)
  }

  override destroy() {
    clearInterval(this.timer)
    super.destroy()
  }

  // What everybody sent arrives in order, so an answer that brings anything says that something was lost before.
  private compare(receive: () => void) {
    let changed = false
    const note = () => {
      changed = true
    }
    this.document.on('update', note)
    receive()
    this.document.off('update', note)
    this.checking = false
    if (changed) checks.healed++
  }

  // The server would close the socket, and again at every connect: it is as if it had refused.
  private withhold() {
    this.withheld = true
    this.unsent.value = true
    this.onRefused('large')
  }

  // Our step 2 has left: all the server lacked.
  private answered() {
    if (this.withheld) return
    this.outstanding.value++
    this.unsent.value = false
  }
}
