// The status bar: connection, what is saved, where the cursor is, how fast the model is.
import { languageName } from '../documents/setup'
import { Speed } from '../sessions/speed'
import { words } from '../ui/words/shell'
import { git } from './files'
import { live } from './live'

export function Status() {
  const now = live.value
  const state = now?.connection.value ?? 'connecting'
  const doc = now?.documents.active.value
  const all = now?.documents.tabs.value ?? []
  const order = ['typing', 'sent', 'saved', 'disk'] as const
  const worst = order[Math.min(...all.map((d) => order.indexOf(d.saved.value)), 3)]!
  const at = doc?.cursorAt.value
  return (
    <footer class="status num">
      <span title={words.connection[state]}>
        <i class={`lamp ${state}`} />
        {state === 'live' && now?.roundTrip.value ? `${now.roundTrip.value} ms` : words.connection[state]}
      </span>
      {git.value && <span class="wide">{git.value.branch}</span>}
      {all.length > 0 && (
        <span class="saved" data-state={worst} title={words.savedWhy[worst]}>
          {words.saved[worst]}
        </span>
      )}
      {doc?.access.value === 'read' && <span class="warn">{words.readOnly}</span>}
      <span class="push" />
      {at && (
        <span class="wide">
          {words.position(at.line, at.column)}
          {at.selected > 0 && ` (${words.selected(at.selected)})`}
        </span>
      )}
      {doc && <span class="wide">{languageName(doc.path.value)}</span>}
      <Speed />
    </footer>
  )
}
