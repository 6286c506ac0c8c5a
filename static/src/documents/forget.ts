// What this browser keeps of a person (offline.ts), over all workspaces: counted, and thrown away when they sign out.

const names = async (person: number) => {
  const all = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? []
  return all.map(({ name }) => name ?? '').filter((name) => name.startsWith(`tandem.${person}.`))
}

/** How many copies and patches are kept that no server has. */
export async function keptOf(person: number): Promise<number> {
  const counts = (await names(person)).map(count)
  return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0)
}

function count(name: string): Promise<number> {
  return new Promise((resolve) => {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => request.transaction?.abort() // gone meanwhile: none is made
    request.onerror = () => resolve(0)
    request.onsuccess = () => {
      const base = request.result
      const done = (n: number) => {
        base.close()
        resolve(n)
      }
      const stores = [...base.objectStoreNames]
      if (!stores.length) return done(0)
      const transaction = base.transaction(stores)
      const asked = stores.map((store) => transaction.objectStore(store).count())
      transaction.oncomplete = () => done(asked.reduce((sum, one) => sum + one.result, 0))
      transaction.onabort = () => done(0)
    }
  })
}

/** Another tab that has one open closes it first, or takes it along when it is closed. */
export async function forgetAll(person: number): Promise<void> {
  await Promise.all((await names(person)).map(gone))
}

function gone(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = request.onerror = request.onblocked = () => resolve()
  })
}
