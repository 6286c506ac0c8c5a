// Inline edit in the editor: a small panel above the selection, and Esc, which closes what is open and then interrupts
// the turn this person started.
import { type EditorState, type Extension, Prec, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, keymap, WidgetType } from '@codemirror/view'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { popup } from '../../documents/comforts'
import type { OpenDocument } from '../../documents/open'
import { Icon } from '../../ui/icon'
import { toast } from '../../ui/toast'
import { words } from '../../ui/words/sessions'
import { registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import { stopByKey, stoppable, stopping } from '../acts'
import { figures } from '../figures'
import { InlineEdit, type Own, rangeOf, setTarget, target } from './edit'
import './inline.css'
import { sessions } from '../store'

/** Open the panel on the selection or the cursor's line; where it is open already, go to its field. With an instruction
 * of ours it starts at once, on the lines that are given. */
export function openInline(doc: OpenDocument, now: Live, own: Own | null = null, lines?: Range): void {
  if (doc.access.peek() === 'read') {
    toast(doc.reason.peek() || words.inlineReadOnly, 'warn')
    return
  }
  const open = doc.state.field(target, false)
  if (open) {
    toField(doc)
    return
  }
  const { from, to } = lines ?? rangeOf(doc.state)
  const text = doc.state.doc
  const edit = new InlineEdit(
    doc,
    now,
    sessions.peek(),
    { from: text.lineAt(from).number, to: text.lineAt(to).number },
    own,
  )
  doc.dispatch({ effects: setTarget.of({ edit, from, to }) })
  toField(doc) // at once: what is typed next is for the model, and would else replace what is selected
  if (own) void edit.start()
}

const toField = (doc: OpenDocument) => doc.view?.dom.querySelector<HTMLElement>('.inline-edit textarea')?.focus()

type Range = { from: number; to: number }

class Panel extends WidgetType {
  constructor(readonly edit: InlineEdit) {
    super()
  }

  override eq(other: Panel): boolean {
    return other.edit === this.edit
  }

  toDOM(): HTMLElement {
    const dom = document.createElement('div')
    dom.className = 'inline-edit'
    render(<InlinePanel edit={this.edit} />, dom)
    return dom
  }

  override destroy(dom: HTMLElement): void {
    render(null, dom)
  }

  override ignoreEvent(): boolean {
    return true
  }

  override get estimatedHeight(): number {
    return 84
  }
}

const drawn = StateField.define<DecorationSet>({
  create: decorations,
  update: (value, tr) =>
    tr.startState.field(target, false) === tr.state.field(target) ? value : decorations(tr.state),
  provide: (field) => EditorView.decorations.from(field),
})

const TARGETED = Decoration.line({ class: 'cm-inline-target' })
const MOST_LINES = 2000

function decorations(state: EditorState): DecorationSet {
  const now = state.field(target)
  if (!now) return Decoration.none
  const first = state.doc.lineAt(now.from)
  const last = Math.min(state.doc.lineAt(now.to).number, first.number + MOST_LINES)
  // Above: it stays where it is while the text under it grows. Before removed lines, which also stand above.
  const found = [Decoration.widget({ widget: new Panel(now.edit), block: true, side: -2 }).range(first.from)]
  for (let n = first.number; n <= last; n++) found.push(TARGETED.range(state.doc.line(n).from))
  return Decoration.set(found, true)
}

export function InlinePanel({ edit }: { edit: InlineEdit }) {
  const input = useRef<HTMLTextAreaElement>(null)
  useEffect(() => input.current?.focus(), [])
  const phase = edit.phase.value
  const problem = edit.problem.value
  const why = edit.why
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape') edit.escape()
    else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) void edit.start()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div class="inline-box" role="group" aria-label={words.inlineTitle} onKeyDown={keys}>
      <div class="inline-row">
        <Icon name="sparkles" size={14} />
        <textarea
          ref={input}
          rows={1}
          value={edit.text.value}
          readOnly={phase !== 'ask' || edit.own !== null}
          placeholder={words.inlinePlaceholder}
          aria-label={words.inlinePlaceholder}
          onInput={(event) => {
            edit.text.value = event.currentTarget.value
          }}
        />
        {phase === 'ask' ? (
          <button
            type="button"
            class="primary"
            disabled={why !== '' || !edit.text.value.trim()}
            title={why}
            onClick={() => void edit.start()}
          >
            {problem ? words.again : words.inlineSend}
          </button>
        ) : (
          <Stop edit={edit} />
        )}
        <button
          type="button"
          class="quiet icon-button"
          aria-label={words.close}
          title={words.close}
          disabled={phase !== 'ask'}
          onClick={() => edit.close()}
        >
          <Icon name="x" size={14} />
        </button>
      </div>
      <Foot edit={edit} why={why} />
    </div>
  )
}

function Stop({ edit }: { edit: InlineEdit }) {
  const turn = edit.turn.value
  return (
    <button type="button" disabled={!turn || stopping.value.has(turn)} onClick={() => edit.escape()}>
      {words.stop} <kbd>{words.escape}</kbd>
    </button>
  )
}

function Foot({ edit, why }: { edit: InlineEdit; why: string }) {
  const problem = edit.problem.value
  const turn = edit.sessions?.running.value.get(edit.turn.value ?? '')
  if (problem) {
    return (
      <p class="inline-foot bad" role="alert">
        {problem.message} {problem.do}
      </p>
    )
  }
  if (why) return <p class="inline-foot warn">{why}</p>
  if (edit.phase.value === 'ask') {
    return (
      <p class="inline-foot">
        <span>{words.inlineOf(edit.lines.from, edit.lines.to)}</span>
        <span class="push">{words.inlineKeys}</span>
      </p>
    )
  }
  return (
    <p class="inline-foot live num" aria-live="off">
      <span>{edit.phase.value === 'running' ? words.inlineRunning : words.inlineStarting}</span>
      <span>{turn ? figures(turn) : ''}</span>
      <span class="push">{words.inlineStops}</span>
    </p>
  )
}

/** Esc in the text: popups first (they have their own keys), then the panel, then the turn this person started. */
function escaped(doc: OpenDocument, now: Live): boolean {
  if (popup(doc.state)) return false
  const open = doc.state.field(target, false)
  if (open) {
    open.edit.escape()
    return true
  }
  return stopByKey(now, sessions.peek(), false)
}

export function inlineExtension(doc: OpenDocument, now: Live): Extension {
  const run = () => {
    openInline(doc, now)
    return true
  }
  return [
    target,
    drawn,
    Prec.high(
      keymap.of([
        { key: 'Mod-k', run, preventDefault: true },
        { key: 'Escape', run: () => escaped(doc, now) },
      ]),
    ),
  ]
}

registerCommand({
  id: 'inline.edit',
  title: words.inlineCommand,
  key: 'Mod-k',
  when: () => live.value?.documents.active.value != null,
  run: () => {
    const doc = live.peek()?.documents.active.peek()
    if (doc && live.peek()) openInline(doc, live.peek() as Live)
  },
})

// Esc outside the text. Whoever had a use for it (the editor, a menu, a field) has taken it before it comes here.
registerCommand({
  id: 'turn.escape',
  title: words.stopTurn,
  key: 'Escape',
  hidden: true,
  when: () => stoppable(sessions.peek()),
  run: () => stop(document.activeElement?.closest('.session') != null),
})

registerCommand({
  id: 'turn.stop',
  title: words.stopTurn,
  when: () => stoppable(sessions.peek()),
  run: () => stop(true),
})

function stop(here: boolean): void {
  const now = live.peek()
  if (now) stopByKey(now, sessions.peek(), here)
}
