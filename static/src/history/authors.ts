// The authors of an open document: asked for once, kept up by events, asked again when an unknown client id appears.
import { effect, type Signal, signal } from '@preact/signals'
import type { OpenDocument } from '../documents/open'
import { get, Refusal } from '../net/http'
import type { Author, Authors, Event } from '../wire'
import { live } from '../workspace/live'
import { type Book, NO_BOOK, written } from './lines'

const AGAIN_MS = 3000 // between two questions for the same unknown ids

export interface Known {
  book: Book
  authors: ReadonlyMap<string, Author>
}
const NOTHING: Known = { book: NO_BOOK, authors: new Map() }

export class Credits {
  readonly known: Signal<Known> = signal(NOTHING)
  private asking = false
  private asked = 0
  private again: ReturnType<typeof setTimeout> | undefined

  constructor(private doc: OpenDocument) {}

  get own() {
    return { client: this.doc.doc.clientID, origin: `person:${this.doc.live.me.id}` }
  }

  /** Who an origin is; of oneself that is known before anybody is asked. */
  author(origin: string): Author {
    const { me } = this.doc.live
    const found = this.known.value.authors.get(origin)
    if (found) return found
    const mine = origin === this.own.origin
    const kind = mine ? 'person' : origin === 'disk' || origin === 'seed' ? origin : 'unknown'
    const person = mine ? { id: me.id, name: me.name, colour: me.colour } : null
    return { ...NOBODY, origin, kind, label: mine ? me.name : '', person }
  }

  take(news: Pick<Authors, 'authors' | 'clients' | 'ranges'>) {
    const { book, authors } = this.known.peek()
    const now = new Date().toISOString()
    const since = Object.fromEntries(news.clients.filter(([id]) => !book.since.has(id)).map(([id]) => [id, now]))
    this.known.value = {
      book: written(book, { ...news, since }),
      authors: new Map([...authors, ...Object.entries(news.authors)]),
    }
  }

  /** Ask the server for all it knows; soon again at the earliest after a while. */
  async load(): Promise<void> {
    if (this.asking) return
    const wait = this.asked + AGAIN_MS - Date.now()
    if (wait > 0) {
      this.again ??= setTimeout(() => {
        this.again = undefined
        void this.load()
      }, wait)
      return
    }
    this.asking = true
    this.asked = Date.now()
    try {
      const found = await get<Authors>(`/workspaces/${this.doc.live.id}/documents/${this.doc.id}/authors`)
      this.known.value = { book: written(NO_BOOK, found), authors: new Map(Object.entries(found.authors)) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error // asked again with the next unknown id
    } finally {
      this.asking = false
    }
  }
}

const NOBODY = { model: '', prompt: '', session: null, turn: null, job: null, at: null }

let all = new WeakMap<OpenDocument, Credits>()

export function creditsOf(doc: OpenDocument): Credits {
  let found = all.get(doc)
  if (!found) all.set(doc, (found = new Credits(doc)))
  return found
}

effect(() => {
  const now = live.value
  all = new WeakMap()
  return now?.on((event: Event) => {
    if (event.type !== 'document.authors') return
    const doc = now.documents.byId(event.document)
    if (doc) creditsOf(doc).take(event)
  })
})
