// Where the file on disk and the document changed the same lines: ours stands in the text, theirs is shown above it, and a
// person chooses. The choice is an edit of this editor, so undo takes it back; the host only says who came first.
import './conflict.css'
import { type EditorState, type Extension, type Range, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from '@codemirror/view'
import { effect } from '@preact/signals'
import { render } from 'preact'
import { problemOf } from '../../net/problem'
import { type Pace, paced } from '../../sessions/pace'
import { toast } from '../../ui/toast'
import { words } from '../../ui/words/conflict'
import type { Id } from '../../wire'
import { registerCommand } from '../../workspace/commands'
import { type Live, live } from '../../workspace/live'
import type { OpenDocument } from '../open'
import { conflicts } from './conflict'
import { type Clash, changeFor, clashes, placed, setClashes, type Verdict } from './field'

async function choose(doc: OpenDocument, now: Live, id: Id, verdict: Verdict) {
  const hunk = conflicts
    .peek()
    .get(doc.id)
    ?.find((one) => one.id === id)
  if (!hunk) return
  try {
    await now.call('document.settle', { document: doc.id, conflict: id })
  } catch (error) {
    return toast(problemOf(error).message, 'warn')
  }
  const [place] = placed([hunk], (anchor) => doc.posOf(anchor)) ?? []
  if (!place) return
  const changes = changeFor(verdict, place, doc.state.sliceDoc(place.from, place.to))
  if (changes) doc.dispatch({ changes, userEvent: 'input' })
  doc.focus()
}

async function unmerge(doc: OpenDocument, now: Live) {
  try {
    const { changed } = await now.call('document.unmerge', { document: doc.id })
    toast(changed ? words.undone : words.nothing)
  } catch (error) {
    toast(problemOf(error).message, 'warn')
  }
}

registerCommand({
  id: 'document.unmerge',
  title: words.command,
  when: () => live.peek()?.documents.active.peek()?.access.peek() === 'edit',
  run: () => {
    const now = live.peek()
    const doc = now?.documents.active.peek()
    if (now && doc) void unmerge(doc, now)
  },
})

const SHOWN = 40 // lines of theirs

class Choice extends WidgetType {
  constructor(
    readonly clash: Clash,
    readonly doc: OpenDocument,
    readonly now: Live,
  ) {
    super()
  }

  override eq(other: Choice): boolean {
    return this.clash.id === other.clash.id
  }

  toDOM(): HTMLElement {
    const box = document.createElement('div')
    box.className = 'cm-clash'
    render(<Chooser clash={this.clash} doc={this.doc} now={this.now} />, box)
    return box
  }

  override destroy(box: HTMLElement): void {
    render(null, box)
  }

  override get estimatedHeight(): number {
    return 36 + Math.min(this.clash.theirs.split('\n').length, SHOWN) * 21
  }

  override ignoreEvent(): boolean {
    return true
  }
}

function Chooser({ clash, doc, now }: { clash: Clash; doc: OpenDocument; now: Live }) {
  const off = doc.access.value !== 'edit'
  const act = (verdict: Verdict, label: string) => (
    <button
      type="button"
      disabled={off}
      title={off ? words.readOnly : ''}
      onClick={() => void choose(doc, now, clash.id, verdict)}
    >
      {label}
    </button>
  )
  const lines = clash.theirs.replace(/\n$/, '').split('\n')
  return (
    <section aria-label={words.region}>
      <div class="cm-clash-bar">
        <b>{words.title}</b>
        {act('ours', words.keep)}
        {act('theirs', words.take)}
        {act('both', words.both)}
        <button
          type="button"
          class="quiet"
          disabled={off}
          title={words.unmergeWhy}
          onClick={() => void unmerge(doc, now)}
        >
          {words.unmerge}
        </button>
      </div>
      <div class="cm-clash-theirs">
        <small>{clash.theirs ? words.theirs : words.gone}</small>
        {clash.theirs && <pre>{lines.slice(0, SHOWN).join('\n')}</pre>}
        {lines.length > SHOWN && <small>{words.more(lines.length - SHOWN)}</small>}
      </div>
    </section>
  )
}

const ours = Decoration.line({ class: 'cm-clash-ours' })

function drawn(state: EditorState, doc: OpenDocument, now: Live): DecorationSet {
  const found: Range<Decoration>[] = []
  for (const clash of state.field(clashes)) {
    const first = state.doc.lineAt(clash.from)
    const widget = new Choice(clash, doc, now)
    found.push(Decoration.widget({ widget, block: true, side: -1 }).range(first.from))
    for (let at = first.from; at < clash.to; at = state.doc.lineAt(at).to + 1) found.push(ours.range(at))
  }
  return Decoration.set(found, true)
}

function drawing(doc: OpenDocument, now: Live): Extension {
  return StateField.define<DecorationSet>({
    create: (state) => drawn(state, doc, now),
    update: (value, tr) =>
      tr.startState.field(clashes, false) === tr.state.field(clashes) ? value : drawn(tr.state, doc, now),
    provide: (field) => EditorView.decorations.from(field),
  })
}

const TRIES = 40 // times an anchor that points ahead of the text is looked up again

function following(doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let gone = false
    let tries = 0
    const put = () => {
      if (gone) return
      const found = placed(conflicts.peek().get(doc.id) ?? [], (anchor) => doc.posOf(anchor))
      if (found) view.dispatch({ effects: setClashes.of(found) })
      if (found) tries = 0
      else if (tries++ < TRIES) pace.soon()
    }
    const pace: Pace = paced(put)
    const stop = effect(() => {
      conflicts.value
      doc.loaded.value
      pace.soon()
    })
    return {
      destroy() {
        gone = true
        pace.stop()
        stop()
      },
    }
  })
}

export const choices = (doc: OpenDocument, now: Live): Extension => [clashes, drawing(doc, now), following(doc)]
