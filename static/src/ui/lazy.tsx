// Parts of the screen that are loaded when they are first shown, or when the browser has nothing to do: whatever comes
// first. So the first paint is small, and what is opened later is there, without a connection too.
import { signal } from '@preact/signals'
import type { ComponentChild, ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { Failure } from './failure'
import { Skeleton } from './skeleton'
import { words } from './words/shell'

type Load<T> = () => Promise<T>
const rest: Load<unknown>[] = []

/** A component whose code comes later. Meanwhile grey lines stand in its place, or what is given. */
export function lazy<P extends object>(
  load: Load<ComponentType<P>>,
  waiting: () => ComponentChild = () => <Skeleton />,
): ComponentType<P> {
  const part = signal<ComponentType<P> | null>(null)
  const failed = signal(false)
  const get = once(async () => {
    failed.value = false
    part.value = await load()
  })
  const ask = () => void get().catch(() => (failed.value = true))
  rest.push(get)
  return (props: P) => {
    const Part = part.value
    useEffect(() => {
      if (!part.peek()) ask()
    }, [])
    if (Part) return <Part {...props} />
    return failed.value ? <Failure problem={words.partAway} retry={ask} /> : waiting()
  }
}

/** The same for code that is no component. Asked again where it could not be had. */
export function later<T>(load: Load<T>): Load<T> {
  const get = once(load)
  rest.push(get)
  return get
}

function once<T>(load: Load<T>): Load<T> {
  let asked: Promise<T> | null = null
  return () => {
    asked ??= load().catch((error: unknown) => {
      asked = null
      throw error
    })
    return asked
  }
}

const idle = () =>
  new Promise<void>((done) => {
    if ('requestIdleCallback' in globalThis) requestIdleCallback(() => done(), { timeout: 2000 })
    else setTimeout(done, 200)
  })

/** Load the rest, one part after the other, while nothing else is to be done. */
export async function loadRest(): Promise<void> {
  for (const load of rest.splice(0)) {
    await idle()
    await load().catch(() => {}) // asked again when it is to be shown
  }
}
