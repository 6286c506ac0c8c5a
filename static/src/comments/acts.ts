// What people do with comments. Each tells by itself what went wrong, and whether it was done.
import type { OpenDocument } from '../documents/open'
import { del, patch, post, Refusal } from '../net/http'
import { offer } from '../sessions/show'
import { toast } from '../ui/toast'
import { comments as words } from '../ui/words/past'
import type { Comment, Id, Mention, Thread } from '../wire'
import { openFile } from '../workspace/files'
import { live } from '../workspace/live'
import { type Draft, draft, focused, mayComment, showPanel, threads, threadsAfter } from './state'

async function done(run: (base: string) => Promise<unknown>): Promise<boolean> {
  try {
    const answer = (await run(`/workspaces/${live.peek()?.id}`)) as { thread?: Thread } | null
    // The event says the same; where it is lost, one still sees what one has done.
    if (answer?.thread) take(answer.thread)
    return true
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    toast(`${error.problem.message} ${error.problem.do}`, 'bad')
    return false
  }
}

function take(thread: Thread) {
  threads.value = threadsAfter(threads.peek(), { type: 'thread', document: thread.document, thread })
}

/** Open the panel with a new thread on the selection of a document. */
export function beginOn(doc: OpenDocument) {
  const { from, to, text } = doc.selection()
  if (!mayComment(doc.live.role.peek())) return toast(words.mayNot, 'warn')
  if (from === to) return toast(words.nothingSelected)
  draft.value = {
    document: doc.id,
    path: doc.path.peek(),
    start: doc.anchorAt(from, 0),
    end: doc.anchorAt(to, -1),
    quote: text.slice(0, 2000),
  }
  focused.value = null
  showPanel()
}

export async function begin({ document, start, end, quote }: Draft, text: string): Promise<boolean> {
  const there = await done(async (base) => {
    const answer = await post<{ thread: Thread }>(`${base}/documents/${document}/threads`, { start, end, quote, text })
    focused.value = answer.thread.id
    return answer
  })
  if (there) draft.value = null
  return there
}

export const reply = (thread: Id, text: string) => done((base) => post(`${base}/threads/${thread}/comments`, { text }))
export const edit = (comment: Id, text: string) => done((base) => patch(`${base}/comments/${comment}`, { text }))
export const resolve = (thread: Id) => done((base) => post(`${base}/threads/${thread}/resolve`))
export const reopen = (thread: Id) => done((base) => post(`${base}/threads/${thread}/reopen`))

export async function remove(thread: Thread, comment: Comment) {
  if (!(await done((base) => del(`${base}/comments/${comment.id}`)))) return
  const left = thread.comments.filter((one) => one.id !== comment.id)
  if (left.length) take({ ...thread, comments: left })
  else threads.value = threadsAfter(threads.peek(), { type: 'thread.gone', document: thread.document, id: thread.id })
}

type Holder = Pick<OpenDocument, 'posOf' | 'state'>

/** Where a thread's text stands in an open document; null where it is not known yet, equal ends where it is gone. An
 * undo brings text back as a new piece, which no anchor knows: it is found by its words, if they are there only once. */
export function placeOf(doc: Holder, thread: Pick<Thread, 'start' | 'end' | 'quote'>) {
  const from = doc.posOf(thread.start)
  const end = doc.posOf(thread.end)
  if (from === null || end === null) return null
  const to = Math.max(from, end)
  return (from === to && foundAgain(doc, thread.quote)) || { from, to }
}

const QUOTE = 2000 // the server keeps no more of it: what is as long may be a part
const SHORTEST = 4

const wholes = new WeakMap<object, string>() // asked for at every move of the caret

function wholeOf(text: OpenDocument['state']['doc']): string {
  const known = wholes.get(text) ?? text.toString()
  wholes.set(text, known)
  return known
}

function foundAgain(doc: Holder, quote: string) {
  if (quote.trim().length < SHORTEST || quote.length >= QUOTE) return null
  const text = wholeOf(doc.state.doc)
  const from = text.indexOf(quote)
  const isOnly = from >= 0 && text.indexOf(quote, from + 1) < 0
  return isOnly ? { from, to: from + quote.length } : null
}

/** Bring the text of a thread into view. */
export async function goTo(thread: Thread) {
  focused.value = thread.id
  await openFile(thread.path)
}

/** Put the thread into the composer, with the text it is about. */
export function askModel(thread: Thread, isGone: boolean) {
  const said = thread.comments.map((one) => words.asked(one.author?.name ?? words.someone, one.text))
  const { path, start, end } = thread
  const about: Mention = isGone ? { kind: 'file', path } : { kind: 'selection', path, from: start, to: end }
  offer(said.at(-1) ?? '', [about])
}
