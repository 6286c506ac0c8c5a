// The documents of this tab: what is open, which one is shown.
import { effect, signal } from '@preact/signals'
import * as Y from 'yjs'
import { get, Refusal } from '../net/http'
import type { Socket } from '../net/socket'
import type { DocumentRef, Event, Id } from '../wire'
import type { Live } from '../workspace/live'
import { Mine, textOf } from './mine'
import { type Aside, type Kept, Store } from './offline'
import { OpenDocument } from './open'
import { pump } from './pump'

export interface At {
  line?: number
  focus?: boolean
}

export class Documents {
  readonly tabs = signal<OpenDocument[]>([])
  readonly active = signal<OpenDocument | null>(null)
  readonly closing = signal<OpenDocument[]>([]) // closed, with edits that are not saved yet
  readonly asides = signal<Aside[]>([]) // what the server did not take, until its writer has looked at it
  private opening = new Map<string, Promise<OpenDocument>>()
  private store: Store

  constructor(
    private live: Live,
    private socket: Socket,
  ) {
    this.store = new Store(live.me.id, live.id)
    void this.store.asides().then((found) => {
      const mine = this.asides.peek().map((aside) => aside.key)
      this.asides.value = [...found.filter((aside) => !mine.includes(aside.key)), ...this.asides.peek()]
    })
    addEventListener('pagehide', this.flush)
    document.addEventListener('visibilitychange', this.flush)
  }

  // Shows the document, opening it first. Rejects with a Refusal that says why it cannot be opened.
  async open(path: string, at: At = {}): Promise<OpenDocument> {
    const there = this.tabs.peek().find((doc) => doc.path.value === path)
    const doc = there ?? (await this.fetch(path))
    this.show(doc)
    if (at.line !== undefined) whenLoaded(doc, () => doc.goTo(at.line!))
    if (at.focus !== false) doc.focus()
    return doc
  }

  show(doc: OpenDocument) {
    this.active.value = doc
    this.tell()
  }

  byId(id: Id) {
    return this.tabs.peek().find((doc) => doc.id === id)
  }

  // A tab's, or one that was closed before all of it was saved: it may be opened again.
  private held(id: Id) {
    return this.byId(id) ?? this.closing.peek().find((doc) => doc.id === id)
  }

  close(doc: OpenDocument) {
    const tabs = this.tabs.peek()
    const at = tabs.indexOf(doc)
    this.tabs.value = tabs.filter((other) => other !== doc)
    if (this.active.peek() === doc) {
      this.active.value = this.tabs.peek()[Math.min(at, tabs.length - 2)] ?? null
      this.tell()
    }
    this.closing.value = [...this.closing.peek(), doc]
    void whenSaved(doc).then(() => {
      if (!this.closing.peek().includes(doc)) return // opened again meanwhile
      this.closing.value = this.closing.peek().filter((other) => other !== doc)
      doc.destroy()
    })
  }

  // Whether something here is only in this browser.
  get unsaved() {
    return [...this.tabs.value, ...this.closing.value].some(isUnsaved)
  }

  // Whether something would be lost with this page: it is neither saved nor kept in this browser.
  get nowhere() {
    return [...this.tabs.value, ...this.closing.value].some((doc) => isUnsaved(doc) && doc.nowhere)
  }

  // Whether the browser has no room to keep what is not saved.
  get unsafe() {
    return [...this.tabs.value, ...this.closing.value].some((doc) => isUnsaved(doc) && doc.unkept)
  }

  // It was looked at, and used or thrown away.
  forget(aside: Aside) {
    this.asides.value = this.asides.peek().filter((other) => other !== aside)
    void this.store.forget(aside.key).catch(() => {})
  }

  // Settles when all is saved, which may be after the next connection.
  async saved() {
    await Promise.all([...this.tabs.peek(), ...this.closing.peek()].map(whenSaved))
  }

  take(event: Event) {
    if (event.type === 'document.disk') this.held(event.document)?.disk(event.on_disk)
    if (event.type === 'document.moved') this.moved(event.document, event.path)
  }

  // Its file was renamed: the text stays, the name is new.
  private moved(id: Id, path: string) {
    const doc = this.held(id)
    if (!doc) return
    doc.path.value = path
    this.tell()
  }

  destroy() {
    for (const doc of [...this.tabs.peek(), ...this.closing.peek()]) doc.destroy()
    this.tabs.value = []
    this.closing.value = []
    removeEventListener('pagehide', this.flush)
    document.removeEventListener('visibilitychange', this.flush)
    void this.store.close()
  }

  private flush = () => {
    for (const doc of [...this.tabs.peek(), ...this.closing.peek()]) void doc.flushKept()
  }

  // What the others see of this tab.
  private tell() {
    const doc = this.active.peek()
    this.socket.presence.awareness?.setLocalState(doc ? { path: doc.path.peek(), document: doc.id } : {})
  }

  ref(path: string) {
    return get<DocumentRef>(`/workspaces/${this.live.id}/documents?path=${encodeURIComponent(path)}`)
  }

  // What the server says of the file, and what this browser kept of it. Without a connection the latter is enough.
  private async found(path: string): Promise<[DocumentRef, Kept[]]> {
    const asked = this.ref(path).catch((error: unknown) => error)
    const rows = await this.store.of(path)
    const ref = await asked
    const newest = rows.reduce<Kept | null>((best, row) => (best && best.at > row.at ? best : row), null)
    if (ref instanceof Refusal && newest && ref.problem.code === 'unreachable')
      return [newest, rows.filter((row) => row.epoch === newest.epoch)]
    if (ref instanceof Error) throw ref
    const current = ref as DocumentRef
    const own = rows.filter((row) => row.id === current.id)
    for (const row of own) if (row.epoch !== current.epoch) this.strand(row)
    return [current, own.filter((row) => row.epoch === current.epoch)]
  }

  // Kept from an older epoch: it cannot be joined with the text of now.
  private strand(row: Kept) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, row.state)
    const text = doc.getText('text').toString()
    const base = Mine.fromJSON(row.back).without(textOf(text))
    const { key, id, path, at } = row
    const aside: Aside = { key, document: id, path, at, why: 'epoch', base, text }
    this.setAside(aside)
    void this.store
      .setAside(aside)
      .then(() => this.store.drop([key]))
      .catch(() => {})
  }

  private setAside = (aside: Aside) => {
    this.asides.value = [...this.asides.peek().filter((other) => other.key !== aside.key), aside]
  }

  private fetch(path: string): Promise<OpenDocument> {
    const running = this.opening.get(path)
    if (running) return running
    const made = this.found(path)
      .then(([ref, rows]) => {
        const kept = this.held(ref.id)
        const doc = kept ?? new OpenDocument(ref, this.live, this.socket, this.store, rows, this.setAside)
        this.closing.value = this.closing.peek().filter((other) => other !== doc)
        doc.path.value = ref.path
        if (!this.tabs.peek().includes(doc)) this.tabs.value = [...this.tabs.peek(), doc]
        return doc
      })
      .finally(() => this.opening.delete(path))
    this.opening.set(path, made)
    return made
  }
}

// What a reader may not write is never saved: there is nothing to wait for.
const isUnsaved = (doc: OpenDocument) =>
  !doc.refused.value && doc.access.value === 'edit' && !['saved', 'disk'].includes(doc.saved.value)

function whenSaved(doc: OpenDocument): Promise<void> {
  return new Promise((resolve) => when(() => !isUnsaved(doc), resolve))
}

function whenLoaded(doc: OpenDocument, run: () => void) {
  when(
    () => doc.loaded.value,
    () => pump.after(run),
  )
}

// Once, outside of the effect that saw it come true.
function when(isTrue: () => boolean, run: () => void) {
  if (isTrue()) return run()
  const stop = effect(() => {
    if (!isTrue()) return
    queueMicrotask(() => {
      stop()
      run()
    })
  })
}
