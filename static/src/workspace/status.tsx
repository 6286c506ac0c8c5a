// The status bar: connection, what is saved, where the cursor is, how fast the model is.

import { asideShown } from '../documents/aside'
import { trouble } from '../documents/ghost/ghost'
import { languageName } from '../documents/languages'
import { Speed } from '../sessions/speed'
import { lazy } from '../ui/lazy'
import { words as own } from '../ui/words/documents'
import { words } from '../ui/words/shell'
import { git } from './files'
import { live } from './live'

const MetersBar = lazy(
  () => import('../models/bar').then((part) => part.MetersBar),
  () => null,
)

const JobsProgress = lazy(
  () => import('../jobs/detail/progress').then((part) => part.JobsProgress),
  () => null,
)

const ORDER = ['typing', 'kept', 'sent', 'saved', 'disk'] as const

export function Status() {
  const now = live.value
  const state = now?.connection.value ?? 'connecting'
  const doc = now?.documents.active.value
  const all = now ? [...now.documents.tabs.value, ...now.documents.closing.value] : []
  const opening = doc && !doc.loaded.value && !doc.refused.value
  const worst = ORDER[Math.min(...all.map((d) => ORDER.indexOf(d.saved.value)), ORDER.length - 1)]!
  const asides = now?.documents.asides.value ?? []
  const at = doc?.cursorAt.value
  return (
    <footer class="status num">
      <span title={words.connection[state]}>
        <i class={`lamp ${state}`} />
        {state === 'live' && now?.roundTrip.value ? `${now.roundTrip.value} ms` : words.connection[state]}
      </span>
      {git.value && <span class="wide">{git.value.branch}</span>}
      {opening && !doc.renewing.value && <span title={words.openingWhy}>{words.opening}</span>}
      {all.length > 0 && !(opening && worst === 'disk') && !(asides.length > 0 && worst === 'disk') && (
        <span class="saved" data-state={worst} title={words.savedWhy[worst]}>
          {words.saved[worst]}
        </span>
      )}
      {asides.length > 0 && (
        <button type="button" class="quiet bad not-saved" onClick={() => (asideShown.value = asides[0]!.key)}>
          {own.notSaved(asides.length)}
        </button>
      )}
      {doc?.renewing.value && <span title={own.renewingWhy}>{own.renewing}</span>}
      {doc?.access.value === 'read' && (
        <span class="warn" title={doc.reason.value}>
          {words.readOnly}
        </span>
      )}
      <span class="push" />
      <JobsProgress />
      {trouble.value && (
        <button type="button" class="quiet ghost-trouble" title={trouble.value.title} onClick={trouble.value.act}>
          {trouble.value.text}
        </button>
      )}
      {at && (
        <span class="wide">
          {words.position(at.line, at.column)}
          {at.selected > 0 && ` (${words.selected(at.selected)})`}
        </span>
      )}
      {doc && <span class="wide">{languageName(doc.path.value)}</span>}
      {now && <MetersBar live={now} />}
      <Speed />
    </footer>
  )
}
