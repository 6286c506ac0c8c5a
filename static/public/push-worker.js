// Shows what a push says when no page of this site is open. It keeps nothing, and answers no request of any page.
const pathOf = (url) => {
  const found = new URL(typeof url === 'string' ? url : '/', self.location.origin)
  return found.origin === self.location.origin ? found.pathname : '/'
}

const read = (data) => {
  try {
    return data.json()
  } catch {
    return {}
  }
}

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('push', (event) => {
  const said = event.data ? read(event.data) : {}
  const url = pathOf(said.url)
  const shown = { body: String(said.body ?? ''), tag: url, data: { url }, icon: '/static/icon.svg' }
  event.waitUntil(self.registration.showNotification(String(said.title ?? 'Tandem'), shown))
})

// A page that is open goes there; else one is opened.
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const url = pathOf(event.notification.data?.url)
  const open = async () => {
    const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
    const page = pages.find((one) => one.focused) ?? pages[0]
    if (!page) return self.clients.openWindow(url)
    page.postMessage({ open: url })
    return page.focus()
  }
  event.waitUntil(open())
})
