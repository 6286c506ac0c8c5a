// What a page needs to open a document as our front end does, and to open the same bytes from a static file.
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import * as Y from 'yjs'

globalThis.openLive = (url, name) =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const document = new Y.Doc()
    const websocketProvider = new HocuspocusProviderWebsocket({ url })
    const provider = new HocuspocusProvider({
      websocketProvider,
      name,
      document,
      token: 'cookie',
      onAuthenticationFailed: ({ reason }) => reject(new Error(reason)),
      onSynced: () => {
        const took = performance.now() - began
        const length = document.getText('text').length
        provider.destroy()
        websocketProvider.destroy()
        resolve([took, length])
      },
    })
    provider.attach()
  })

globalThis.openStatic = async (url) => {
  const began = performance.now()
  const answer = await fetch(url, { cache: 'no-store' })
  const document = new Y.Doc()
  Y.applyUpdate(document, new Uint8Array(await answer.arrayBuffer()))
  return [performance.now() - began, document.getText('text').length]
}
