// Where in the app one is: the address is the state.
import { signal } from '@preact/signals'
import type { Id } from '../wire'

/** `jobs`: the board, or the job of that id; `review`: that job's result. */
export type Route = { screen: 'home' } | { screen: 'workspace'; id: Id; review: Id | null; jobs?: Id | 'board' }

export function parse(path: string): Route {
  const found = path.match(/^\/w\/([a-z0-9]+)(?:\/(review|jobs)(?:\/([a-z0-9]+))?)?/)
  if (!found) return { screen: 'home' }
  const [, id = '', part, job] = found
  const at = { screen: 'workspace' as const, id, review: part === 'review' ? (job ?? null) : null }
  return part === 'jobs' ? { ...at, jobs: job ?? 'board' } : at
}

export const route = signal<Route>(parse(location.pathname))

export function go(path: string) {
  if (path !== location.pathname) history.pushState(null, '', path)
  route.value = parse(path)
}

/** From a review or a job back to the files. */
export function toFiles() {
  const at = route.peek()
  if (at.screen === 'workspace' && (at.review || at.jobs)) go(`/w/${at.id}`)
}

addEventListener('popstate', () => {
  route.value = parse(location.pathname)
})
