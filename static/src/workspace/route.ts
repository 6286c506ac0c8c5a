// Where in the app one is: the address is the state.
import { signal } from '@preact/signals'
import type { Id } from '../wire'

export type Route = { screen: 'home' } | { screen: 'workspace'; id: Id; review: Id | null }

export function parse(path: string): Route {
  const found = path.match(/^\/w\/([a-z0-9]+)(?:\/review\/([a-z0-9]+))?/)
  return found ? { screen: 'workspace', id: found[1]!, review: found[2] ?? null } : { screen: 'home' }
}

export const route = signal<Route>(parse(location.pathname))

export function go(path: string) {
  if (path !== location.pathname) history.pushState(null, '', path)
  route.value = parse(path)
}

addEventListener('popstate', () => {
  route.value = parse(location.pathname)
})
