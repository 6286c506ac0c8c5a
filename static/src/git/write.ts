// A commit message written by the model into the field: streamed, stoppable. What stood there comes back if nothing came.
import { signal } from '@preact/signals'
import { problemOf } from '../sessions/store'
import { toast } from '../ui/toast'
import { commit as words } from '../ui/words/editing'
import { git } from '../workspace/files'
import { live } from '../workspace/live'
import * as state from './state'

export const writing = signal(false)
let requests = 0

/** Have the message of what is chosen written. What stands in the field is kept if nothing comes. */
export async function write(): Promise<void> {
  const now = live.peek()
  const paths = state.chosen.peek()
  if (!now || writing.peek() || !paths.length) return
  const request = ++requests
  const before = state.message.peek()
  let text = ''
  const hear = now.on((event) => {
    if (event.type !== 'commit.message' || event.request !== request) return
    text += event.text
    state.message.value = text
  })
  writing.value = true
  state.problem.value = null
  try {
    const all = paths.length === (git.peek()?.changes.length ?? 0)
    const answer = await now.call('commit.write', { request, paths: all ? null : paths })
    state.message.value = answer.text || before
    if (!answer.text) toast(words.nothing, 'warn')
    else if (answer.cut) toast(words.cut(answer.files))
  } catch (error) {
    if (!text) state.message.value = before
    if (request !== stopped) state.problem.value = problemOf(error)
  } finally {
    hear()
    writing.value = false
  }
}

let stopped = 0

export function stop(): void {
  stopped = requests
  void live
    .peek()
    ?.call('commit.stop', { request: requests })
    .catch(() => {})
}
