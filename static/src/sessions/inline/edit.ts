// One inline edit: a range of a document, what should change, and the turn that changes it. Lives in the editor's state,
// so the widget that shows it may come and go.
import { type EditorState, StateEffect, StateField } from '@codemirror/state'
import { signal } from '@preact/signals'
import type { OpenDocument } from '../../documents/open'
import { words } from '../../ui/words/sessions'
import type { Event, Id, Problem, Turn } from '../../wire'
import type { Live } from '../../workspace/live'
import { interrupt } from '../acts'
import { mayTurn } from '../mode'
import { say } from '../say'
import { problemOf, type Sessions } from '../store'

export interface Target {
  readonly edit: InlineEdit
  readonly from: number
  readonly to: number
}

export const setTarget = StateEffect.define<Target | null>()

export const target = StateField.define<Target | null>({
  create: () => null,
  update(value, tr) {
    let next = value
    if (next && tr.docChanged) {
      const from = tr.changes.mapPos(next.from, -1)
      next = { ...next, from, to: Math.max(from, tr.changes.mapPos(next.to, 1)) }
    }
    for (const effect of tr.effects) if (effect.is(setTarget)) next = effect.value
    return next
  },
})

/** What an inline edit would change: the selection, or the line of the cursor. Whole lines selected down to the start of
 * the next one are those lines, without their last line end. */
export function rangeOf(state: EditorState): { from: number; to: number } {
  const { main } = state.selection
  if (!main.empty) {
    const end = state.doc.lineAt(main.to)
    return { from: main.from, to: main.to === end.from ? Math.max(main.from, main.to - 1) : main.to }
  }
  const line = state.doc.lineAt(main.head)
  return { from: line.from, to: line.to }
}

type Phase = 'ask' | 'starting' | 'running'

/** An inline edit whose instruction is ours: it starts at once. */
export interface Own {
  readonly text: string // what people read of it
  readonly kind: 'fix' | 'document'
  readonly problem?: string
}

export class InlineEdit {
  readonly text = signal('')
  readonly phase = signal<Phase>('ask')
  readonly problem = signal<Problem | null>(null)
  readonly turn = signal<Id | null>(null)
  private listening: (() => void) | null = null
  private left = false // Esc came before the turn had an id

  constructor(
    readonly doc: OpenDocument,
    readonly live: Live,
    readonly sessions: Sessions | null,
    readonly lines: { from: number; to: number },
    readonly own: Own | null = null,
  ) {
    if (own) this.text.value = own.text
  }

  /** Why it cannot start; '' if it can. */
  get why(): string {
    const { role, connection, models } = this.live
    if (!mayTurn(role.value)) return words.why.role(role.value)
    if (this.doc.access.value === 'read') return this.doc.reason.value || words.inlineReadOnly
    if (connection.value !== 'live') return words.why.offline
    return models.value?.endpoints.length === 0 ? words.inlineNeedsModel : ''
  }

  async start(): Promise<void> {
    const range = this.doc.state.field(target, false)
    const instruction = this.text.peek().trim()
    if (!range || !instruction || this.phase.peek() !== 'ask' || this.why) return
    this.phase.value = 'starting'
    this.left = false
    this.problem.value = null
    const ended = new Map<Id, Turn>()
    this.listening = this.live.on((event: Event) => {
      if (event.type !== 'turn.ended') return
      ended.set(event.turn.id, event.turn)
      if (event.turn.id === this.turn.peek()) this.end(event.turn)
    })
    try {
      const { turn } = this.own
        ? await this.live.call('quick.start', this.quick(range, this.own))
        : await this.live.call('turn.inline', this.params(range, instruction))
      this.turn.value = turn
      this.phase.value = 'running'
      if (this.left) void interrupt(this.live, turn)
      const over = ended.get(turn)
      if (over) this.end(over)
    } catch (error) {
      this.fail(problemOf(error))
    }
  }

  /** Stop the turn if one runs; else take the panel away. */
  escape(): void {
    const turn = this.turn.peek()
    if (this.phase.peek() === 'running' && turn) void interrupt(this.live, turn)
    else if (this.phase.peek() === 'ask') this.close()
    else this.left = true
  }

  close(): void {
    this.stopListening()
    if (this.doc.state.field(target, false)?.edit !== this) return
    this.doc.dispatch({ effects: setTarget.of(null) })
    this.doc.view?.focus()
  }

  private params(range: Target, instruction: string) {
    const { sessions } = this
    const open = sessions?.current.peek()
    // One turn runs in a session at a time: a busy one is left alone and the host finds another.
    const busy = [...(sessions?.running.peek().values() ?? [])].some((turn) => turn.session === open)
    return { ...this.place(range), instruction, ...(open && !busy ? { session: open } : {}) }
  }

  private quick(range: Target, { kind, problem }: Own) {
    return { ...this.place(range), kind, ...(problem ? { problem } : {}) }
  }

  private place({ from, to }: Target) {
    const { doc, sessions } = this
    const endpoint = sessions?.picked.peek()
    const anchors = { from: doc.anchorAt(from, 0), to: doc.anchorAt(to, -1) }
    return { document: doc.id, ...anchors, ...(endpoint ? { endpoint } : {}) }
  }

  private end(turn: Turn): void {
    if (turn.state === 'failed') {
      this.fail({ code: 'turn_failed', message: turn.error || words.ended(turn), do: '' })
    } else {
      if (turn.state === 'interrupted') say(words.says.interrupted)
      this.unselect()
      this.close()
    }
  }

  /** What was selected has been rewritten: nothing must take it for a selection made now. */
  private unselect(): void {
    const range = this.doc.state.field(target, false)
    if (range?.edit === this) this.doc.dispatch({ selection: { anchor: range.from } })
  }

  private fail(problem: Problem): void {
    this.stopListening()
    this.turn.value = null
    this.phase.value = 'ask'
    this.problem.value = problem
  }

  private stopListening(): void {
    this.listening?.()
    this.listening = null
  }
}
