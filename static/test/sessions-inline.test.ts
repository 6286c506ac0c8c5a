import { EditorState } from '@codemirror/state'
import { signal } from '@preact/signals'
import { describe, expect, test } from 'vitest'
import type { OpenDocument } from '../src/documents/open'
import { InlineEdit, rangeOf, setTarget, target } from '../src/sessions/inline/edit'
import { Sessions, type Wire } from '../src/sessions/store'
import { words } from '../src/ui/words/sessions'
import type { Event, Ops, Turn } from '../src/wire'
import type { Live } from '../src/workspace/live'
import { ana, turnOf } from './sessions-host'

const TEXT = 'one\ntwo\nthree\n'

/** A document and a workspace that answers `turn.inline` with what `answer` does. */
function opened(answer: (tell: (event: Event) => void) => Promise<{ turn: string }> | { turn: string }) {
  const calls: [string, unknown][] = []
  const listeners = new Set<(event: Event) => void>()
  const tell = (event: Event) => {
    for (const listener of [...listeners]) listener(event)
  }
  const call = async (method: string, params: unknown) => {
    calls.push([method, params])
    return method === 'turn.inline' ? answer(tell) : { state: 'interrupted' }
  }
  const on = (fn: (event: Event) => void) => {
    listeners.add(fn)
    return () => listeners.delete(fn)
  }
  const wire = { id: 'w', me: ana, snapshot: signal(null), call, on } as unknown as Wire
  const models = { endpoints: [{}], default: null, advice: '' } as unknown as Ops['workspace.open'][1]['models']
  const role = signal('editor')
  const live = { ...wire, role, connection: signal('live'), models: signal(models) } as unknown as Live
  const doc = {
    id: 'd',
    access: signal('edit'),
    reason: signal(''),
    view: null,
    state: EditorState.create({ doc: TEXT, extensions: target }),
    dispatch(spec: object) {
      doc.state = doc.state.update(spec).state
    },
    anchorAt: (at: number, assoc: number) => `${at}:${assoc}`,
  }
  const sessions = new Sessions(wire)
  const edit = new InlineEdit(doc as unknown as OpenDocument, live, sessions, { from: 2, to: 2 })
  doc.dispatch({ effects: setTarget.of({ edit, from: 4, to: 7 }) })
  edit.text.value = ' shout '
  return { edit, doc, calls, tell, sessions, role, isOpen: () => doc.state.field(target) !== null }
}

const ended = (turn: Turn): Event => ({ session: 's', seq: 1, type: 'turn.ended', turn })
const select = (anchor: number, head = anchor) =>
  rangeOf(EditorState.create({ doc: TEXT, selection: { anchor, head } }))

describe('an inline edit', () => {
  test('takes the selection, or the line of the cursor', () => {
    expect(select(1, 5)).toEqual({ from: 1, to: 5 })
    expect(select(5)).toEqual({ from: 4, to: 7 })
    expect(select(TEXT.length)).toEqual({ from: TEXT.length, to: TEXT.length })
  })

  test('takes lines selected to the start of the next without their last end', () => {
    expect(select(0, 8)).toEqual({ from: 0, to: 7 })
  })

  test('names the range by anchors that stay at the text, moved by what was typed meanwhile', async () => {
    const { edit, doc, calls } = opened(() => ({ turn: 't' }))
    doc.dispatch({ changes: { from: 0, insert: 'zero\n' } })
    await edit.start()
    expect(calls).toEqual([['turn.inline', { document: 'd', from: '9:0', to: '12:-1', instruction: 'shout' }]])
    expect(edit.phase.value).toBe('running')
  })

  test('goes into the session on screen unless a turn runs there', async () => {
    const idle = opened(() => ({ turn: 't' }))
    idle.sessions.current.value = 's'
    await idle.edit.start()
    expect(idle.calls[0]?.[1]).toMatchObject({ session: 's' })
    const busy = opened(() => ({ turn: 't' }))
    busy.sessions.current.value = 's'
    busy.sessions.running.value = new Map([['x', turnOf('x')]])
    await busy.edit.start()
    expect(busy.calls[0]?.[1]).not.toHaveProperty('session')
  })

  test('closes when its turn has ended well, and not for another turn', async () => {
    const { edit, tell, isOpen } = opened(() => ({ turn: 't' }))
    await edit.start()
    tell(ended(turnOf('other', { state: 'completed' })))
    expect(isOpen()).toBe(true)
    tell(ended(turnOf('t', { state: 'completed' })))
    expect(isOpen()).toBe(false)
  })

  test('leaves nothing selected of what it rewrote', async () => {
    const { edit, doc, tell } = opened(() => ({ turn: 't' }))
    doc.dispatch({ selection: { anchor: 4, head: 7 } })
    await edit.start()
    tell(ended(turnOf('t', { state: 'completed' })))
    expect(doc.state.selection.main).toMatchObject({ from: 4, to: 4 })
  })

  test('closes even if the end overtakes the answer', async () => {
    const { edit, isOpen } = opened((tell) => {
      tell(ended(turnOf('t', { state: 'completed' })))
      return { turn: 't' }
    })
    await edit.start()
    expect(isOpen()).toBe(false)
  })

  test('a refusal is shown and it can be tried again', async () => {
    const problem = { code: 'busy', message: 'Too much at once.', do: 'Wait.' }
    const { edit, isOpen } = opened(() => Promise.reject(Object.assign(new Error(), { problem })))
    await edit.start()
    expect([edit.problem.value, edit.phase.value, isOpen()]).toEqual([problem, 'ask', true])
  })

  test('a turn that failed says why and keeps the words', async () => {
    const { edit, tell } = opened(() => ({ turn: 't' }))
    await edit.start()
    tell(ended(turnOf('t', { state: 'failed', error: 'No answer.' })))
    expect(edit.problem.value?.message).toBe('No answer.')
    expect(edit.text.value).toBe(' shout ')
  })

  test('Esc closes before, and interrupts while it runs', async () => {
    const before = opened(() => ({ turn: 't' }))
    before.edit.escape()
    expect(before.isOpen()).toBe(false)
    const during = opened(() => ({ turn: 'running' }))
    await during.edit.start()
    during.edit.escape()
    expect(during.calls.at(-1)).toEqual(['turn.interrupt', { turn: 'running' }])
    expect(during.isOpen()).toBe(true)
  })

  test('does not start for who may not, and says why', async () => {
    const { edit, role, calls } = opened(() => ({ turn: 't' }))
    role.value = 'viewer'
    await edit.start()
    expect(calls).toEqual([])
    expect(edit.why).toBe(words.why.role('viewer'))
  })
})
