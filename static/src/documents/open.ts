// OpenDocument: one shared document in this tab. It owns Y.Text and the editor's state, with a view or without one.

import {
  Compartment,
  EditorState,
  type Extension,
  Prec,
  type StateEffect,
  type TransactionSpec,
} from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { computed, effect, signal, untracked } from '@preact/signals'
import * as Y from 'yjs'
import type { DocumentProvider } from '../net/provider'
import type { Socket } from '../net/socket'
import type { Anchor, AwarenessState, DocumentRef } from '../wire'
import type { Live } from '../workspace/live'
import { Binding, remote } from './binding'
import { type Cursor, cursors, setCursors } from './cursors'
import { limit } from './limit'
import { pump } from './pump'
import { indentOf, loadLanguage, setup } from './setup'

export type Saved = 'typing' | 'sent' | 'saved' | 'disk'
const CURSOR_MS = 100
const COMPOSING_MS = 500 // how long remote text may wait for an input method

type Extend = (doc: OpenDocument, live: Live) => Extension
const extensions: Extend[] = []
// Called once at module load by the parts that draw in the editor.
export const registerExtension = (fn: Extend) => void extensions.push(fn)

const encode = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const decode = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))

export class OpenDocument {
  readonly id: string
  readonly path = signal('')
  readonly access = signal<'edit' | 'read'>('edit')
  readonly reason = signal('')
  readonly loaded = signal(false)
  readonly refused = signal('')
  readonly cursorAt = signal({ line: 1, column: 1, selected: 0 })
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  view: EditorView | null = null
  private held: EditorState
  private binding: Binding
  private undo: Y.UndoManager
  private provider: DocumentProvider
  private onDisk = signal(true)
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
    if (this.provider.unsent.value) return 'typing'
    if (this.provider.outstanding.value) return 'sent'
    return this.onDisk.value ? 'disk' : 'saved'
  })

  constructor(
    ref: DocumentRef,
    readonly live: Live,
    socket: Socket,
  ) {
    this.id = ref.id
    this.path.value = ref.path
    this.access.value = ref.access
    this.reason.value = ref.reason
    this.binding = new Binding(this.text, () => pump.wake(this))
    this.undo = new Y.UndoManager(this.text, { trackedOrigins: new Set([this.binding]), captureTimeout: 400 })
    this.held = EditorState.create({ extensions: this.extensions() })
    this.provider = socket.provide(ref.id, this.doc)
    this.follow()
    this.stops = [
      effect(() => {
        const readonly = this.access.value === 'read' || !this.loaded.value
        const effects = this.writable.reconfigure(EditorState.readOnly.of(readonly))
        untracked(() => this.dispatch({ effects }))
      }),
      effect(() => {
        void loadLanguage(this.path.value).then((found) =>
          this.dispatch({ effects: this.language.reconfigure(found ?? []) }),
        )
      }),
    ]
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
      if (transaction.docChanged && !transaction.annotation(remote)) this.binding.write(transaction)
    }
  }

  mount(parent: HTMLElement) {
    const view = new EditorView({ state: this.held, parent, ...(this.scroll && { scrollTo: this.scroll }) })
    this.view = view
    // Kept as it changes: when the view is told to go, its elements are already out of the page.
    const keep = () => {
      this.scroll = view.scrollSnapshot()
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

  // All that arrived since the last frame, in one dispatch.
  flush() {
    if (this.composing()) return void setTimeout(() => pump.wake(this), 60)
    const changes = this.binding.take()
    const effects = this.moved.size ? [setCursors.of(this.resolveCursors())] : []
    if (changes || effects.length)
      this.dispatch({ ...(changes && { changes }), effects, annotations: remote.of(true), filter: false })
  }

  anchorAt(position: number, assoc = -1): Anchor {
    const relative = Y.createRelativePositionFromTypeIndex(this.text, this.binding.toY(position, assoc), assoc)
    return encode(Y.encodeRelativePosition(relative))
  }

  posOf(anchor: Anchor): number | null {
    const index = this.indexOf(anchor)
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
    this.view?.destroy()
    this.view = null
    this.provider.destroy()
    this.binding.destroy()
    this.undo.destroy()
    this.doc.destroy()
  }

  private extensions(): Extension {
    const undo = (act: () => void) => () => {
      if (!this.state.readOnly) act()
      pump.flush()
      return true
    }
    const back = undo(() => this.undo.undo())
    const forth = undo(() => this.undo.redo())
    return [
      Prec.high(
        keymap.of([
          { key: 'Mod-z', run: back, preventDefault: true },
          { key: 'Mod-y', mac: 'Mod-Shift-z', run: forth, preventDefault: true },
          { key: 'Mod-Shift-z', run: forth, preventDefault: true },
        ]),
      ),
      this.writable.of([]),
      this.language.of([]),
      this.indent.of([]),
      setup,
      limit,
      cursors,
      EditorView.contentAttributes.of(() => ({ 'aria-label': `Text of ${this.path.peek()}`, tabindex: '0' })),
      EditorView.updateListener.of((update) => {
        for (const tr of update.transactions) if (tr.docChanged && !tr.annotation(remote)) this.binding.write(tr)
        if (update.docChanged || update.selectionSet) this.selected()
      }),
      ...extensions.map((extend) => extend(this, this.live)),
    ]
  }

  private follow() {
    const { provider } = this
    provider.on('authenticated', ({ scope }: { scope: string }) => {
      this.access.value = scope === 'readonly' ? 'read' : 'edit'
      if (scope !== 'readonly') this.reason.value = ''
      else if (!this.reason.value) this.reason.value = 'Your role lets you read this workspace.'
      this.refused.value = ''
      // The others were told that we left: a state they have seen is only taken again with a higher clock.
      provider.awareness?.setLocalState(provider.awareness.getLocalState())
    })
    provider.on('authenticationFailed', ({ reason }: { reason: string }) => {
      this.refused.value = reason || 'This file cannot be opened.'
    })
    provider.on('synced', () => {
      if (this.loaded.value) return
      pump.flush()
      this.dispatch({ effects: this.indent.reconfigure(indentOf(this.text.toString())) })
      this.loaded.value = true
    })
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

  // In the text as it is after what `binding.take` gave: positions of Y.
  private resolveCursors() {
    const states = this.provider.awareness?.getStates() as Map<number, AwarenessState> | undefined
    const moved: Cursor[] = []
    const gone: number[] = []
    const early = new Set<number>()
    for (const client of this.moved) {
      const { person, cursor } = states?.get(client) ?? {}
      const anchor = cursor ? this.indexOf(cursor.anchor) : null
      const head = cursor ? this.indexOf(cursor.head) : null
      if (!person || !cursor) gone.push(client)
      else if (anchor !== null && head !== null) moved.push({ client, person, anchor, head })
      else early.add(client) // its text has not arrived yet: looked at again with the next
    }
    this.moved = early
    return { moved, gone }
  }

  private indexOf(anchor: Anchor): number | null {
    const relative = Y.decodeRelativePosition(decode(anchor))
    const found = Y.createAbsolutePositionFromRelativePosition(relative, this.doc)
    return found && found.type === this.text ? found.index : null
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
      this.provider.awareness?.setLocalState({ cursor })
    }, CURSOR_MS)
  }
}
