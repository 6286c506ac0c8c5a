// Which model does what, in order, for the team or the whole site. Every act is saved at once.
import { useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { visible } from '../jobs/detail/log'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { words } from '../ui/words/models'
import type { ModelRole, ModelSettings, Problem, RoleName } from '../wire'
import { type Entry, entriesOf, move, ROLES } from './draft'
import type { Settings } from './settings'

type Scope = ModelRole['scope']

export function Roles({ settings, all }: { settings: Settings; all: ModelSettings }) {
  const id = useId()
  const may = all.scopes.filter((scope): scope is Scope => scope !== 'person')
  const scope = useSignal<Scope>('team')
  return (
    <div class="model-roles">
      <p class="muted small">{words.rolesAbout}</p>
      <p class="model-roles-for">
        <label for={id}>{words.rolesFor}</label>
        <select
          id={id}
          value={scope.value}
          onChange={({ currentTarget }) => {
            scope.value = currentTarget.value as Scope
          }}
        >
          {(['team', 'site'] as const).map((one) => (
            <option key={one} value={one}>
              {words.roleScopes[one]}
            </option>
          ))}
        </select>
      </p>
      {!may.includes(scope.value) && <p class="small warn">{words.rolesNot}</p>}
      {ROLES.map((role) => (
        <Role
          key={`${role}.${scope.value}`}
          settings={settings}
          all={all}
          role={role}
          scope={scope.value}
          may={may.includes(scope.value)}
        />
      ))}
    </div>
  )
}

interface RoleProps {
  settings: Settings
  all: ModelSettings
  role: RoleName
  scope: Scope
  may: boolean
}

function Role({ settings, all, role, scope, may }: RoleProps) {
  const problem = useSignal<Problem | null>(null)
  const said = useSignal('')
  const last = useRef(Promise.resolve())
  const entries = entriesOf(all.roles, role, scope)
  const choices = all.endpoints.filter(
    (row) => (row.scope === 'site' || row.scope === scope) && !entries.some((one) => one.endpoint === row.id),
  )
  const name = (entry: Entry) => visible(all.endpoints.find((row) => row.id === entry.endpoint)?.name ?? words.gone)
  // One act after the other, each on what the one before has left.
  const save = (change: (now: Entry[]) => Entry[], say?: (now: Entry[]) => string) => {
    last.current = last.current.then(async () => {
      const before = entriesOf(settings.all.peek()?.roles ?? [], role, scope)
      const list = change(before)
      if (list === before) return
      try {
        await settings.assign(role, scope, list)
        problem.value = null
        said.value = say?.(list) ?? ''
      } catch (error) {
        problem.value = problemOf(error)
      }
    })
  }
  const at = (list: Entry[], { endpoint }: Entry) => list.findIndex((one) => one.endpoint === endpoint)
  const shift = (entry: Entry, by: -1 | 1) =>
    save(
      (now) => move(now, at(now, entry), by),
      (now) => words.moved(name(entry), at(now, entry) + 1, now.length),
    )
  return (
    <section aria-label={words.roles[role]}>
      <h3>{words.roles[role]}</h3>
      {entries.length === 0 && <p class="faint small">{words.roleNone[scope]}</p>}
      <ol>
        {entries.map((entry, place) => (
          <li key={entry.endpoint}>
            <b>{name(entry)}</b>
            {may && (
              <span class="model-order">
                <Act icon="arrow-up" label={words.up(name(entry))} off={place === 0} run={() => shift(entry, -1)} />
                <Act
                  icon="arrow-down"
                  label={words.down(name(entry))}
                  off={place === entries.length - 1}
                  run={() => shift(entry, 1)}
                />
                <Act
                  icon="x"
                  label={words.takeOut(name(entry))}
                  run={() => save((now) => now.filter((one) => one.endpoint !== entry.endpoint))}
                />
              </span>
            )}
            {place < entries.length - 1 && (
              <label class="small">
                <input
                  type="checkbox"
                  checked={entry.fall_over}
                  disabled={!may}
                  aria-label={words.fallOverOf(name(entry))}
                  onChange={({ currentTarget: { checked: fall_over } }) =>
                    save((now) => now.map((one) => (one.endpoint === entry.endpoint ? { ...one, fall_over } : one)))
                  }
                />{' '}
                {words.fallOver}
              </label>
            )}
          </li>
        ))}
      </ol>
      {may && choices.length > 0 && (
        <select
          aria-label={words.chooseFor(words.roles[role])}
          value=""
          onChange={({ currentTarget }) => {
            const endpoint = Number(currentTarget.value)
            currentTarget.value = ''
            if (endpoint) save((now) => [...now, { endpoint, fall_over: false }])
          }}
        >
          <option value="">{words.choose}</option>
          {choices.map((row) => (
            <option key={row.id} value={row.id}>
              {visible(row.name)}
            </option>
          ))}
        </select>
      )}
      <span class="visually-hidden" role="status">
        {said.value}
      </span>
      {problem.value && <Failure problem={problem.value} />}
    </section>
  )
}

/** Stays focusable where it can do nothing, so that moving by keyboard never loses its place. */
function Act({
  icon,
  label,
  off,
  run,
}: {
  icon: 'arrow-up' | 'arrow-down' | 'x'
  label: string
  off?: boolean
  run: () => void
}) {
  return (
    <button
      type="button"
      class="quiet icon"
      aria-label={label}
      title={label}
      aria-disabled={off}
      onClick={() => !off && run()}
    >
      <Icon name={icon} size={14} />
    </button>
  )
}
