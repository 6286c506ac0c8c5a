// The documents of this tab: what is open, which one is shown.
import { effect, signal } from '@preact/signals'
import { get } from '../net/http'
import type { Socket } from '../net/socket'
import type { DocumentRef, Event, Id } from '../wire'
import type { Live } from '../workspace/live'
import { OpenDocument } from './open'
import { pump } from './pump'

export interface At {
  line?: number
  focus?: boolean
}

export class Documents {
  readonly tabs = signal<OpenDocument[]>([])
  readonly active = signal<OpenDocument | null>(null)
  private opening = new Map<string, Promise<OpenDocument>>()

  constructor(
    private live: Live,
    private socket: Socket,
  ) {}

  // Shows the document, opening it first. Rejects with a Refusal that says why it cannot be opened.
  async open(path: string, at: At = {}): Promise<OpenDocument> {
    const there = this.tabs.peek().find((doc) => doc.path.value === path)
    const doc = there ?? (await this.fetch(path))
    this.show(doc)
    if (at.line !== undefined) whenLoaded(doc, () => doc.goTo(at.line!))
    if (at.focus !== false) queueMicrotask(() => doc.view?.focus())
    return doc
  }

  show(doc: OpenDocument) {
    this.active.value = doc
    this.socket.presence.awareness?.setLocalState({ path: doc.path.value, document: doc.id })
  }

  byId(id: Id) {
    return this.tabs.peek().find((doc) => doc.id === id)
  }

  close(doc: OpenDocument) {
    const tabs = this.tabs.peek()
    const at = tabs.indexOf(doc)
    this.tabs.value = tabs.filter((other) => other !== doc)
    if (this.active.peek() === doc) {
      const next = this.tabs.peek()[Math.min(at, tabs.length - 2)] ?? null
      this.active.value = next
      this.socket.presence.awareness?.setLocalState(next ? { path: next.path.value, document: next.id } : {})
    }
    doc.destroy()
  }

  take(event: Event) {
    if (event.type === 'document.disk') this.byId(event.document)?.disk(event.on_disk)
  }

  // A file was renamed: its document, if open, keeps its text and gets the new name.
  renamed(from: string, to: string) {
    for (const doc of this.tabs.peek()) {
      const path = doc.path.peek()
      if (path === from || path.startsWith(`${from}/`)) doc.path.value = to + path.slice(from.length)
    }
  }

  destroy() {
    for (const doc of this.tabs.peek()) doc.destroy()
  }

  private fetch(path: string): Promise<OpenDocument> {
    const running = this.opening.get(path)
    if (running) return running
    const made = get<DocumentRef>(`/workspaces/${this.live.id}/documents?path=${encodeURIComponent(path)}`)
      .then((ref) => {
        const doc = this.byId(ref.id) ?? new OpenDocument(ref, this.live, this.socket)
        if (!this.tabs.peek().includes(doc)) this.tabs.value = [...this.tabs.peek(), doc]
        return doc
      })
      .finally(() => this.opening.delete(path))
    this.opening.set(path, made)
    return made
  }
}

function whenLoaded(doc: OpenDocument, run: () => void) {
  if (doc.loaded.peek()) return run()
  const stop = effect(() => {
    if (!doc.loaded.value) return
    queueMicrotask(() => {
      stop()
      pump.after(run)
    })
  })
}
