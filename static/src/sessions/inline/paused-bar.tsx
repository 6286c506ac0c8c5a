// A small bar where somebody typed into what a turn writes: it says that the model goes on with that text.
import { type Extension, Prec, StateEffect, StateField } from '@codemirror/state'
import { keymap, showTooltip, type Tooltip, ViewPlugin } from '@codemirror/view'
import { effect } from '@preact/signals'
import { render } from 'preact'
import { popup } from '../../documents/comforts'
import type { OpenDocument } from '../../documents/open'
import { Icon } from '../../ui/icon'
import { words as all } from '../../ui/words/queue'
import type { Paused } from '../../wire'
import type { Live } from '../../workspace/live'
import { goOn, leaveIt } from '../acts'
import { mayTurn } from '../mode'
import { type Pace, paced } from '../pace'
import './paused.css'
import { pauses } from './paused'

const words = all.paused

interface Shown {
  pause: Paused
  pos: number
}

const setShown = StateEffect.define<Shown | null>()
const shown = StateField.define<Shown | null>({
  create: () => null,
  update(value, tr) {
    let now = value && tr.docChanged ? { ...value, pos: tr.changes.mapPos(value.pos, 1) } : value
    for (const effect of tr.effects) if (effect.is(setShown)) now = effect.value
    return now
  },
})

function tooltip(now: Live, { pause, pos }: Shown): Tooltip {
  const create = () => {
    const dom = document.createElement('div')
    dom.className = 'paused-bar'
    render(<Bar now={now} pause={pause} />, dom)
    return { dom, destroy: () => render(null, dom) }
  }
  return { pos, above: false, create }
}

function Bar({ now, pause }: { now: Live; pause: Paused }) {
  const mine = pause.by.id === now.me.id
  const may = mayTurn(now.role.value)
  const keys = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    void leaveIt(now, pause)
  }
  return (
    <div class="paused-box" role="group" aria-label={words.label} onKeyDown={keys}>
      <Icon name="pause" size={12} />
      <p>
        <span class="live">{mine ? words.goesOn : words.goesOnTheirs(pause.by.name)}</span>
        <small>{mine ? words.mine : words.theirs(pause.by.name)}</small>
      </p>
      <button
        type="button"
        class="primary"
        title={words.nowTitle}
        disabled={!may}
        onClick={() => void goOn(now, pause)}
      >
        {words.now}
      </button>
      <button type="button" title={words.leaveTitle} disabled={!may} onClick={() => void leaveIt(now, pause)}>
        {words.leave}
      </button>
    </div>
  )
}

/** Keeps the bar of one view in step with the signal. Never dispatches inside an update of the view. */
function following(doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let gone = false
    const put = () => {
      if (gone) return
      const pause = [...pauses.peek().values()].find((one) => one.document === doc.id) ?? null
      const was = view.state.field(shown)
      if (was?.pause === pause || (!was && !pause)) return
      const pos = pause && doc.posOf(pause.to)
      view.dispatch({ effects: setShown.of(pause && pos !== null ? { pause, pos: pos ?? 0 } : null) })
      if (pause && pos === null) pace.soon()
    }
    const pace: Pace = paced(put)
    const stop = effect(() => {
      pauses.value
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

export function pausedBar(doc: OpenDocument, now: Live): Extension {
  const act = (run: (now: Live, pause: Paused) => Promise<boolean>) => () => {
    const open = doc.state.field(shown, false)
    if (!open || popup(doc.state) || !mayTurn(now.role.peek())) return false
    void run(now, open.pause)
    return true
  }
  return [
    shown,
    following(doc),
    showTooltip.compute([shown], (state) => {
      const open = state.field(shown)
      if (!open) return null
      return tooltip(now, { ...open, pos: state.doc.lineAt(Math.min(open.pos, state.doc.length)).from })
    }),
    Prec.highest(
      keymap.of([
        { key: 'Mod-Enter', run: act(goOn) },
        { key: 'Escape', run: () => doc.state.field(shown, false)?.pause.by?.id === now.me.id && act(leaveIt)() },
      ]),
    ),
  ]
}
