// OpenDocument: one shared document in this tab. It owns Y.Text and the editor's state, with a view or without one.

import type { LanguageSupport } from '@codemirror/language'
import {
  type ChangeSpec,
  Compartment,
  EditorState,
  type Extension,
  type StateEffect,
  type Transaction,
  type TransactionSpec,
} from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { computed, effect, type Signal, signal, untracked } from '@preact/signals'
import type { Socket } from '../net/socket'
import { words } from '../ui/words/documents'
import type { Anchor, AwarenessState, DocumentRef } from '../wire'
import type { Live } from '../workspace/live'
import { anchorOf, indexOf } from './anchors'
import { remote } from './binding'
import { cursors, located, setCursors } from './cursors'
import { Keeper } from './keeper'
import { loadLanguage } from './languages'
import { limit } from './limit'
import { difference, Mine, textOf } from './mine'
import type { Aside, Kept, Store } from './offline'
import { Stream, viewport } from './parse'
import { presence } from './presence'
import { pump } from './pump'
import { Replica } from './replica'
import { indentOf, setup } from './setup'
import { undoKeys } from './undo'

export type Saved = 'typing' | 'kept' | 'sent' | 'saved' | 'disk'
const CURSOR_MS = 100
const COMPOSING_MS = 500 // how long remote text may wait for an input method

type Extend = (doc: OpenDocument, live: Live) => Extension
const extensions: Extend[] = []
// Called once at module load by the parts that draw in the editor.
export const registerExtension = (fn: Extend) => void extensions.push(fn)

const topOf = (view: EditorView) => view.lineBlockAtHeight(view.scrollDOM.scrollTop).from

export class OpenDocument {
  readonly id: string
  readonly path = signal('')
  readonly access = signal<'edit' | 'read'>('edit')
  readonly reason = signal('')
  readonly loaded = signal(false)
  readonly refused = signal('')
  readonly cursorAt = signal({ line: 1, column: 1, selected: 0 })
  readonly renewing = signal(false) // the copy is being replaced by the server's
  view: EditorView | null = null
  private held: EditorState
  private replica: Signal<Replica>
  private keeper: Signal<Keeper | null> = signal(null)
  private mine = new Mine()
  private onDisk = signal(true)
  private support: LanguageSupport | null = null
  private stream = new Stream(() => this.parse())
  private writable = new Compartment()
  private language = new Compartment()
  private indent = new Compartment()
  private cursorTimer: ReturnType<typeof setTimeout> | undefined
  private moved = new Set<number>()
  private scroll: StateEffect<unknown> | undefined // where the view stood, or is to stand once there is one
  private takesFocus = false
  private composingSince = 0
  private stops: (() => void)[]
  readonly saved = computed<Saved>(() => {
    const { provider } = this.replica.value
    if (provider.unsent.value) return this.keeper.value?.kept.value ? 'kept' : 'typing'
    if (provider.outstanding.value) return 'sent'
    return this.onDisk.value ? 'disk' : 'saved'
  })

  // `rows` is what this browser kept of it, all of the epoch of `ref`.
  constructor(
    ref: DocumentRef,
    readonly live: Live,
    private socket: Socket,
    private store: Store | null = null,
    rows: Kept[] = [],
    private onAside: (aside: Aside) => void = () => {},
  ) {
    this.id = ref.id
    this.path.value = ref.path
    this.access.value = ref.access
    this.reason.value = ref.reason
    const states = rows.map((row) => row.state)
    this.replica = signal(new Replica(socket, ref.id, ref.epoch, states, () => pump.wake(this)))
    this.held = EditorState.create({ doc: textOf(this.text.toString()), extensions: this.extensions() })
    this.binding.take()
    if (rows.length) this.mine = Mine.fromJSON(rows.length === 1 ? rows[0]!.back : null)
    this.loaded.value = rows.length > 0
    this.keep(rows.map((row) => row.key))
    this.stops = [
      effect(() => {
        const readonly = this.access.value === 'read' || !this.loaded.value || this.renewing.value
        const effects = this.writable.reconfigure(EditorState.readOnly.of(readonly))
        untracked(() => this.dispatch({ effects }))
      }),
      effect(() => {
        void loadLanguage(this.path.value).then((found) => {
          this.support = found
          this.parse()
        })
      }),
      effect(() => {
        const { unsaved } = this.replica.value
        if (!unsaved) queueMicrotask(() => !this.unsaved && this.mine.clear())
      }),
    ]
    this.follow()
  }

  // The browser could not keep what is not saved.
  get unkept() {
    return this.keeper.value?.failed.value ?? false
  }

  get doc() {
    return this.replica.peek().doc
  }
  get text() {
    return this.replica.peek().text
  }
  private get binding() {
    return this.replica.peek().binding
  }
  private get provider() {
    return this.replica.peek().provider
  }
  get unsaved() {
    return this.replica.peek().unsaved
  }
  // Unsaved, and in no store of this browser either.
  get nowhere() {
    return this.replica.value.unsaved && !(this.keeper.value?.kept.value ?? false)
  }

  get state(): EditorState {
    return this.view?.state ?? this.held
  }

  // Works with and without a view. Never call it inside an editor's update.
  dispatch(spec: TransactionSpec) {
    if (this.view) this.view.dispatch(spec)
    else {
      const transaction = this.held.update(spec)
      this.held = transaction.state
      this.scroll = this.scroll?.map(transaction.changes)
      this.written(transaction)
    }
  }

  mount(parent: HTMLElement) {
    const view = new EditorView({ state: this.held, parent, ...(this.scroll && { scrollTo: this.scroll }) })
    this.view = view
    // Kept as it changes: when the view is told to go, its elements are already out of the page.
    const keep = () => {
      this.scroll = view.scrollSnapshot()
      this.selected()
    }
    view.scrollDOM.addEventListener('scroll', keep, { passive: true })
    if (this.takesFocus) view.focus()
    this.takesFocus = false
    if (view.state.doc.length) this.selected()
    return () => {
      if (this.view !== view) return
      this.held = view.state
      view.destroy()
      this.view = null
      clearTimeout(this.cursorTimer)
      this.cursorTimer = undefined
      this.provider.awareness?.setLocalState({}) // a caret is where somebody looks
    }
  }

  // Now, or when there is a view.
  focus() {
    if (this.view) this.view.focus()
    else this.takesFocus = true
  }

  // A fresh language has the whole tree, also of what was not parsed while text streamed in.
  private parse() {
    const { support } = this
    const language = support ? viewport(support, () => this.stream.on) : []
    this.dispatch({ effects: this.language.reconfigure(language) })
  }

  // All that arrived since the last frame, in one dispatch.
  flush() {
    if (this.renewing.peek()) return
    if (this.composing()) return void setTimeout(() => pump.wake(this), 60)
    const changes = this.binding.take()
    if (changes) this.stream.note()
    const effects = this.moved.size ? [setCursors.of(this.resolveCursors())] : []
    if (changes || effects.length)
      this.dispatch({ ...(changes && { changes }), effects, annotations: remote.of(true), filter: false })
  }

  anchorAt(position: number, assoc = -1): Anchor {
    return anchorOf(this.text, this.binding.toY(position, assoc), assoc)
  }

  posOf(anchor: Anchor): number | null {
    const index = indexOf(this.text, anchor)
    return index === null ? null : Math.min(this.binding.fromY(index), this.state.doc.length)
  }

  selection() {
    const { from, to } = this.state.selection.main
    return { from, to, text: this.state.sliceDoc(from, to) }
  }

  goTo(line: number) {
    const at = this.state.doc.line(Math.max(1, Math.min(line, this.state.doc.lines))).from
    const effect = EditorView.scrollIntoView(at, { y: 'center' })
    if (!this.view) this.scroll = effect
    this.dispatch({ selection: { anchor: at }, effects: effect })
  }

  // From the event `document.disk`: the host tells it when the document is opened and at each change, and it tells
  // that a write is not on disk yet before it acknowledges that write.
  disk(onDisk: boolean) {
    this.onDisk.value = onDisk
  }

  destroy() {
    for (const stop of this.stops) stop()
    clearTimeout(this.cursorTimer)
    this.stream.stop()
    this.view?.destroy()
    this.view = null
    void this.keeper.peek()?.flush()
    this.keeper.peek()?.end()
    this.replica.peek().destroy()
  }

  // To the browser's store, now: the page may go.
  async flushKept() {
    await this.keeper.peek()?.flush()
  }

  // Make the change again that was set aside, as an edit of this person over the text as it is now.
  edit(changes: ChangeSpec) {
    this.dispatch({ changes, userEvent: 'input.again', scrollIntoView: true })
  }

  private extensions(): Extension {
    return [
      undoKeys(
        () => this.replica.peek().undo,
        () => this.state.readOnly,
      ),
      this.writable.of([]),
      this.language.of([]),
      this.indent.of([]),
      setup,
      limit,
      cursors,
      presence,
      EditorView.contentAttributes.of(() => ({ 'aria-label': `Text of ${this.path.peek()}`, tabindex: '0' })),
      EditorView.updateListener.of((update) => {
        for (const tr of update.transactions) this.written(tr)
        if (update.docChanged || update.selectionSet) this.selected()
      }),
      ...extensions.map((extend) => extend(this, this.live)),
    ]
  }

  // A local change goes into the shared text; every change moves what is known of one's own.
  private written(transaction: Transaction) {
    if (!transaction.docChanged || this.renewing.peek()) return
    if (!transaction.annotation(remote)) this.binding.write(transaction)
    this.mine.take(transaction)
  }

  private keep(restored: string[]) {
    if (!this.store) return
    const row = () => {
      pump.flush()
      const [access, reason] = [this.access.peek(), this.reason.peek()]
      const { id, epoch } = this.replica.peek()
      return { id, path: this.path.peek(), access, reason, epoch, back: this.mine.toJSON() }
    }
    this.keeper.value = new Keeper(this.store, this.replica.peek(), row, restored)
  }

  private follow() {
    const { provider } = this
    provider.onRefused = (why) => queueMicrotask(() => void this.renew(why))
    provider.on('authenticated', ({ scope }: { scope: string }) => {
      this.access.value = scope === 'readonly' ? 'read' : 'edit'
      if (scope !== 'readonly') this.reason.value = ''
      else if (!this.reason.value) this.reason.value = words.readerOnly
      this.refused.value = ''
      // The others were told that we left: a state they have seen is only taken again with a higher clock.
      provider.awareness?.setLocalState(provider.awareness.getLocalState())
    })
    provider.on('authenticationFailed', ({ reason }: { reason: string }) => {
      if (reason === 'epoch') return queueMicrotask(() => void this.renew('epoch'))
      if (this.unsaved) void this.setAside('closed')
      this.refused.value = reason || words.cannotOpen
    })
    provider.on('synced', () => this.synced())
    provider.awareness?.on(
      'change',
      ({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>) => {
        for (const client of [...added, ...updated, ...removed])
          if (client !== this.doc.clientID) this.moved.add(client)
        if (this.moved.size) pump.wake(this)
      },
    )
    provider.attach()
  }

  private synced() {
    if (this.renewing.peek()) return this.adopt()
    if (this.loaded.value) return
    pump.flush()
    this.dispatch({ effects: this.indent.reconfigure(indentOf(this.text.toString())) })
    this.loaded.value = true
  }

  // This copy cannot be joined with the server's: it is set aside, with what is not saved in it, and the document is
  // opened anew in the same place. What is on the screen stays until the new text is there.
  private async renew(why: Aside['why']) {
    if (this.renewing.peek()) return
    const old = this.replica.peek()
    if (old.unsaved) await this.setAside(why)
    if (old !== this.replica.peek() || this.renewing.peek()) return
    this.renewing.value = true
    this.keeper.peek()?.end()
    void this.keeper.peek()?.clear()
    old.destroy()
    this.mine.clear()
    const ref = await this.live.documents.ref(this.path.peek()).catch(() => null)
    this.replica.value = new Replica(this.socket, this.id, ref?.epoch ?? old.epoch, [], () => pump.wake(this))
    this.keep([])
    this.follow()
  }

  private async setAside(why: Aside['why']) {
    pump.flush()
    const { doc } = this.state
    const [text, base] = [doc.toString(), this.mine.without(doc)]
    if (text === base) return
    const key = `${this.id}/${this.doc.clientID}`
    const aside: Aside = { key, document: this.id, path: this.path.peek(), at: Date.now(), why, base, text }
    this.onAside(aside)
    await this.store?.setAside(aside).catch(() => {}) // then this tab has it, and says so
  }

  // The new copy takes the place of the old one in the editor.
  private adopt() {
    this.binding.take()
    const changes = difference(this.state.doc.toString(), this.text.toString())
    this.dispatch({ changes, annotations: remote.of(true), filter: false })
    this.renewing.value = false
    this.loaded.value = true
    this.moved = new Set(this.provider.awareness?.getStates().keys())
    this.moved.delete(this.doc.clientID)
    pump.wake(this)
  }

  // In the text as it is after what `binding.take` gave: positions of Y.
  private resolveCursors() {
    const states = this.provider.awareness?.getStates() as Map<number, AwarenessState> | undefined
    const { early, ...found } = located(this.moved, states, (anchor) => indexOf(this.text, anchor))
    this.moved = early
    return found
  }

  // An input method loses its text if the line it writes in changes under it.
  private composing(): boolean {
    if (!this.view?.compositionStarted) {
      this.composingSince = 0
      return false
    }
    this.composingSince ||= performance.now()
    const line = this.state.doc.lineAt(this.state.selection.main.head)
    return this.binding.touches(line.from, line.to) && performance.now() - this.composingSince < COMPOSING_MS
  }

  private selected() {
    const { main } = this.state.selection
    const line = this.state.doc.lineAt(main.head)
    this.cursorAt.value = { line: line.number, column: main.head - line.from + 1, selected: main.to - main.from }
    this.cursorTimer ??= setTimeout(() => {
      this.cursorTimer = undefined
      const now = this.state.selection.main
      const cursor = { anchor: this.anchorAt(now.anchor), head: this.anchorAt(now.head) }
      this.provider.awareness?.setLocalState({ cursor, ...(this.view && { top: this.anchorAt(topOf(this.view)) }) })
    }, CURSOR_MS)
  }
}
