// The models screen: what is connected, the form of one, and the roles.
import './models.css'
import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { Dialog } from '../ui/dialog'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/models'
import type { EndpointSettings, ModelSettings } from '../wire'
import type { Live } from '../workspace/live'
import { blank, draftOf } from './draft'
import { ModelForm } from './form'
import { MetersView } from './meters'
import { Roles } from './roles'
import { Row } from './row'
import { byScope, draftKey, drafts, Settings } from './settings'
import { opensAt } from './show'

type Tab = 'list' | 'roles' | 'meters'
type Place = Tab | { edit: EndpointSettings | null }

export function ModelsDialog({ live, onClose }: { live: Live; onClose: () => void }) {
  const settings = useMemo(() => new Settings(live), [live])
  const place = useSignal<Place>(opensAt.peek())
  const { value: all } = settings.all
  const { value: problem } = settings.problem
  useEffect(() => void settings.load(), [settings])
  const edit = typeof place.value === 'object' ? place.value.edit : undefined
  const title = edit === undefined ? words.title : edit ? words.editTitle(edit.name) : words.newTitle
  return (
    <Dialog title={title} open onClose={onClose}>
      <div class="models">
        {problem && <Failure problem={problem} retry={() => settings.load()} />}
        {!all && !problem && <Skeleton />}
        {all && edit !== undefined && (
          <ModelForm
            settings={settings}
            all={all}
            saved={drafts.get(draftKey(live, edit?.id ?? null))}
            plain={edit ? draftOf(edit) : blank(all.scopes.includes('team') ? 'team' : 'person')}
            keep={(draft) => {
              const key = draftKey(live, edit?.id ?? null)
              if (draft) drafts.set(key, draft)
              else drafts.delete(key)
            }}
            onDone={() => (place.value = 'list')}
          />
        )}
        {all && edit === undefined && (
          <>
            <p class="muted models-about">{words.about}</p>
            <Places at={place.value as Tab} go={(to) => (place.value = to)} />
            {place.value === 'list' && (
              <List settings={settings} all={all} edit={(row) => (place.value = { edit: row })} />
            )}
            {place.value === 'roles' && <Roles settings={settings} all={all} />}
            {place.value === 'meters' && <MetersView live={live} />}
          </>
        )}
      </div>
    </Dialog>
  )
}

function Places({ at, go }: { at: Tab; go: (to: Place) => void }) {
  return (
    <p class="models-places">
      {(['list', 'roles', 'meters'] as const).map((one) => (
        <button key={one} type="button" class="quiet" aria-pressed={at === one} onClick={() => go(one)}>
          {words.tabs[one]}
        </button>
      ))}
      <button type="button" class="primary" onClick={() => go({ edit: null })}>
        <Icon name="plus" size={14} /> {words.add}
      </button>
    </p>
  )
}

interface ListProps {
  settings: Settings
  all: ModelSettings
  edit: (row: EndpointSettings) => void
}

function List({ settings, all, edit }: ListProps) {
  if (all.endpoints.length === 0) return <Empty title={words.empty} text={words.emptyText} />
  return (
    <>
      {(['person', 'team', 'site'] as const).map((scope) => {
        const rows = byScope(all.endpoints, scope)
        return (
          <section key={scope} aria-label={words.groups[scope]}>
            <h3>{words.groups[scope]}</h3>
            {rows.length === 0 && <p class="faint small">{words.emptyGroup[scope]}</p>}
            <ul>
              {rows.map((row) => (
                <Row key={row.id} row={row} settings={settings} onEdit={() => edit(row)} />
              ))}
            </ul>
          </section>
        )
      })}
    </>
  )
}
