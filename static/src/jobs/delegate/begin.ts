// How delegating begins: the form's state outlives the side bar, and its command is there before the form is.
import { signal } from '@preact/signals'
import { words } from '../../ui/words/progress'
import { registerCommand } from '../../workspace/commands'
import { change as layout, pane, side } from '../../workspace/layout'
import { live } from '../../workspace/live'
import { mayDelegate } from '../state'
import type { Draft } from './form'

/** Whether the form is open. */
export const delegating = signal(false)

export const fresh = (): Draft => ({ instruction: '', kind: 'map', paths: new Set(), endpoint: null, limits: {} })
export const draft = signal<Draft>(fresh())

export function change(part: Partial<Draft>) {
  draft.value = { ...draft.peek(), ...part }
}

/** Open the form, on the file that is open if none has been chosen yet. */
export function delegate() {
  const current = live.peek()?.documents.active.peek()?.path.peek()
  if (current && !draft.peek().paths.size) change({ paths: new Set([current]) })
  delegating.value = true
}

/** The same from where there is no room for the form: in the side bar. */
export function delegateInSide() {
  side.value = 'jobs'
  pane.value = 'side'
  layout({ sideOpen: true })
  delegate()
}

registerCommand({
  id: 'job.delegate',
  title: words.delegate,
  when: () => live.value !== null && mayDelegate(live.value.role.value),
  run: delegateInSide,
})
