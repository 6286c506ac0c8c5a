// The comment threads of the open workspace: fetched with the connection, kept up by events.
import { computed, effect, type Signal, signal } from '@preact/signals'
import { get, Refusal } from '../net/http'
import { toast } from '../ui/toast'
import { comments as words } from '../ui/words/past'
import type { Anchor, Event, Id, Member, Problem, Role, Thread } from '../wire'
import { change, pane, side } from '../workspace/layout'
import { type Live, live } from '../workspace/live'

export type Threads = ReadonlyMap<Id, Thread>
export type Filter = 'open' | 'resolved' | 'mine'
/** A thread that is being begun: where, and what stands there. */
export interface Draft {
  document: Id
  path: string
  start: Anchor
  end: Anchor
  quote: string
}

export const threads: Signal<Threads> = signal(new Map())
export const loaded = signal(false)
export const more = signal(false)
export const problem = signal<Problem | null>(null)
export const members = signal<readonly Member[]>([])
export const filter = signal<Filter>('open')
export const draft = signal<Draft | null>(null)
/** The thread people look at: marked in the text, brought into view in the panel. */
export const focused = signal<Id | null>(null)

/** Whether a role may comment (the server asks again). */
export const mayComment = (role: Role) => role !== 'viewer'

/** The threads after the event; the same map if it says nothing about them. */
export function threadsAfter(map: Threads, event: Event): Threads {
  if (event.type === 'thread') return new Map(map).set(event.thread.id, event.thread)
  if (event.type === 'document.moved') {
    if (![...map.values()].some((one) => one.document === event.document)) return map
    const moved = (one: Thread) => (one.document === event.document ? { ...one, path: event.path } : one)
    return new Map([...map].map(([id, one]) => [id, moved(one)]))
  }
  if (event.type !== 'thread.gone' || !map.has(event.id)) return map
  const next = new Map(map)
  next.delete(event.id)
  return next
}

/** Whether an open thread waits for this person: mentioned, and not answered since. */
export function waitsFor(thread: Thread, me: number): boolean {
  if (thread.resolved_at) return false
  const last = (is: (one: Thread['comments'][number]) => boolean) => thread.comments.findLastIndex(is)
  const asked = last((one) => one.mentions.includes(me) && one.author?.id !== me)
  return asked > last((one) => one.author?.id === me)
}

export const waiting = computed(() => {
  const me = live.value?.me.id
  return me === undefined ? [] : [...threads.value.values()].filter((one) => waitsFor(one, me))
})
export const openCount = computed(() => [...threads.value.values()].filter((one) => !one.resolved_at).length)

/** What a filter lets through. */
export function filtered(map: Threads, by: Filter, me: number): Thread[] {
  return [...map.values()].filter((one) =>
    by === 'mine' ? waitsFor(one, me) : by === 'resolved' ? !!one.resolved_at : !one.resolved_at,
  )
}

export function showPanel() {
  side.value = 'comments'
  change({ sideOpen: true })
  pane.value = 'side'
}

/** Show a thread in the panel, whatever is filtered there. */
export function showThread(thread: Thread) {
  showPanel()
  filter.value = thread.resolved_at ? 'resolved' : 'open'
  focused.value = thread.id
}

export async function load(resolved = filter.peek() === 'resolved') {
  const now = live.peek()
  if (!now) return
  try {
    const answer = await get<{ threads: Thread[]; more: boolean }>(`/workspaces/${now.id}/threads?resolved=${resolved}`)
    if (live.peek() !== now) return
    const others = [...threads.peek().values()].filter((one) => !!one.resolved_at !== resolved)
    threads.value = new Map([...others, ...answer.threads].map((one) => [one.id, one]))
    more.value = answer.more
    problem.value = null
    loaded.value = true
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    problem.value = error.problem
  }
}

/** All threads of one document, however old. */
export async function loadDocument(now: Live, document: Id) {
  const answer = await get<{ threads: Thread[] }>(`/workspaces/${now.id}/documents/${document}/threads`).catch(
    () => null,
  )
  if (!answer || live.peek() !== now) return
  const others = [...threads.peek().values()].filter((one) => one.document !== document)
  threads.value = new Map([...others, ...answer.threads].map((one) => [one.id, one]))
}

export async function loadMembers() {
  const now = live.peek()
  if (now) members.value = await get<Member[]>(`/workspaces/${now.id}/people`).catch(() => members.peek())
}

function told(now: Live, event: Event) {
  const before = event.type === 'thread' ? threads.peek().get(event.thread.id) : undefined
  threads.value = threadsAfter(threads.peek(), event)
  if (event.type !== 'thread' || !waitsFor(event.thread, now.me.id)) return
  if (before && waitsFor(before, now.me.id)) return
  const { thread } = event
  const name = thread.comments.at(-1)?.author?.name ?? words.someone
  toast(words.mentioned(name, thread.path), 'info', { label: words.look, run: () => showThread(thread) })
}

effect(() => {
  const now = live.value
  threads.value = new Map()
  members.value = []
  draft.value = focused.value = null
  loaded.value = false
  if (!now) return
  const off = now.on((event) => told(now, event))
  // Anew after every connection: what was said meanwhile was not told.
  const stop = effect(() => {
    if (!now.snapshot.value) return
    void load(false)
    void loadMembers()
  })
  const here = effect(() => {
    const doc = now.documents.active.value
    if (doc && now.snapshot.value) void loadDocument(now, doc.id)
  })
  return () => {
    off()
    stop()
    here()
  }
})

// A thread that is settled is no longer looked at, unless among those that are.
effect(() => {
  const thread = threads.value.get(focused.value ?? '')
  if (thread?.resolved_at && filter.value !== 'resolved') focused.value = null
})
