// The bar above a text whose file was deleted.
import { type Extension, StateEffect, StateField } from '@codemirror/state'
import { type Panel, showPanel, ViewPlugin } from '@codemirror/view'
import { effect } from '@preact/signals'
import { render } from 'preact'
import { problemOf } from '../net/problem'
import { type Pace, paced } from '../sessions/pace'
import { Icon } from '../ui/icon'
import { toast } from '../ui/toast'
import { words } from '../ui/words/conflict'
import type { Live } from '../workspace/live'
import { detached } from './detached'
import type { OpenDocument } from './open'

async function attach(doc: OpenDocument, now: Live) {
  try {
    await now.call('document.attach', { document: doc.id })
    doc.focus()
  } catch (error) {
    toast(problemOf(error).message, 'warn')
  }
}

function Bar({ doc, now }: { doc: OpenDocument; now: Live }) {
  return (
    <div class="detached-bar" role="status">
      <Icon name="triangle-alert" size={14} /> <span>{words.detached}</span>
      <button
        type="button"
        disabled={doc.access.value !== 'edit'}
        title={doc.access.value === 'edit' ? '' : words.readOnly}
        onClick={() => void attach(doc, now)}
      >
        {words.attach}
      </button>
    </div>
  )
}

function panel(doc: OpenDocument, now: Live): Panel {
  const dom = document.createElement('div')
  render(<Bar doc={doc} now={now} />, dom)
  return { dom, top: true, destroy: () => render(null, dom) }
}

const setDetached = StateEffect.define<boolean>()
const isDetached = StateField.define<boolean>({
  create: () => false,
  update: (value, tr) => tr.effects.reduce((last, effect) => (effect.is(setDetached) ? effect.value : last), value),
})

function following(doc: OpenDocument) {
  return ViewPlugin.define((view) => {
    const put = () => {
      const now = detached.peek().has(doc.id)
      if (view.state.field(isDetached) !== now) view.dispatch({ effects: setDetached.of(now) })
    }
    const pace: Pace = paced(put)
    const stop = effect(() => {
      detached.value
      pace.soon()
    })
    return {
      destroy() {
        pace.stop()
        stop()
      },
    }
  })
}

export function detachedBar(doc: OpenDocument, now: Live): Extension {
  const make = () => panel(doc, now)
  return [isDetached, following(doc), showPanel.compute([isDetached], (s) => (s.field(isDetached) ? make : null))]
}
