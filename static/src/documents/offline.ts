// What is not saved yet, kept in this browser: one database for a person in a workspace, one row for each copy of a
// document (two tabs without a connection are two copies). A row goes when the server has committed what is in it.
import type { DocumentRef, Id } from '../wire'

export interface Kept extends DocumentRef {
  key: string
  at: number
  state: Uint8Array // the whole copy as one Yjs update
  back: unknown // the change that takes the unsaved part back (mine.ts), or null
}
// Text the server did not take. `base` is the text it was written into; null if that is not known.
export interface Aside {
  key: string
  document: Id
  path: string
  at: number
  why: 'epoch' | 'refused' | 'large' | 'closed'
  base: string | null
  text: string
}

const DAYS = 90
const ASIDES = 50 // the newest
const DAY_MS = 86_400_000

const done = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
const ended = (transaction: IDBTransaction) =>
  new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })

export class Store {
  private base: Promise<IDBDatabase>

  constructor(person: number, workspace: Id) {
    this.base = this.open(`tandem.${person}.${workspace}`)
    this.base.then((base) => this.tidy(base)).catch(() => {}) // each use tells whether it worked
  }

  // Throws what the browser throws: no room left, or a private window that keeps nothing.
  async keep(row: Kept) {
    await this.write('kept', (rows) => rows.put(row))
  }

  async drop(keys: string[]) {
    await this.write('kept', (rows) => {
      for (const key of keys) rows.delete(key)
    })
  }

  async of(path: string): Promise<Kept[]> {
    return (await this.all<Kept>('kept')).filter((row) => row.path === path)
  }

  async setAside(row: Aside) {
    await this.write('aside', (rows) => rows.put(row))
  }

  async forget(key: string) {
    await this.write('aside', (rows) => rows.delete(key))
  }

  async asides(): Promise<Aside[]> {
    return (await this.all<Aside>('aside')).sort((a, b) => a.at - b.at)
  }

  async close() {
    const base = await this.base.catch(() => null)
    base?.close()
  }

  private open(name: string) {
    return new Promise<IDBDatabase>((resolve, reject) => {
      if (!('indexedDB' in globalThis)) return reject(new Error('this browser keeps nothing'))
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => {
        request.result.createObjectStore('kept', { keyPath: 'key' })
        request.result.createObjectStore('aside', { keyPath: 'key' })
      }
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close() // this person signs out, in another tab
        resolve(request.result)
      }
      request.onerror = () => reject(request.error)
    })
  }

  private async write(name: 'kept' | 'aside', act: (rows: IDBObjectStore) => void) {
    const transaction = (await this.base).transaction(name, 'readwrite')
    act(transaction.objectStore(name))
    await ended(transaction)
  }

  private async all<T>(name: 'kept' | 'aside'): Promise<T[]> {
    try {
      return await done<T[]>((await this.base).transaction(name).objectStore(name).getAll())
    } catch {
      return [] // nothing can be kept here, so nothing was
    }
  }

  // Work that nobody came back for in so long a time.
  private async tidy(base: IDBDatabase) {
    const old = Date.now() - DAYS * DAY_MS
    const kept = (await this.all<Kept>('kept')).filter((row) => row.at < old)
    const asides = await this.asides()
    const gone = asides.filter((row, at) => row.at < old || at < asides.length - ASIDES)
    if (!kept.length && !gone.length) return
    const transaction = base.transaction(['kept', 'aside'], 'readwrite')
    for (const row of kept) transaction.objectStore('kept').delete(row.key)
    for (const row of gone) transaction.objectStore('aside').delete(row.key)
    await ended(transaction)
  }
}
