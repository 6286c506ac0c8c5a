// What one wants to be told, by kind; and this browser, which is asked only after a click.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { visible } from '../jobs/detail/log'
import { ago, now } from '../jobs/time'
import { del, get, put } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words as around } from '../ui/words/around'
import { words } from '../ui/words/notices'
import type { NoticeKind, NoticeSettings, Problem } from '../wire'
import { can, subscribe, subscribed, unsubscribe } from './push'

const KINDS = Object.keys(words.kinds) as NoticeKind[]

export function Settings({ onBack }: { onBack: () => void }) {
  const settings = useSignal<NoticeSettings | null>(null)
  const problem = useSignal<Problem | null>(null)
  const attempt = async (ask: () => Promise<NoticeSettings>) => {
    try {
      settings.value = await ask()
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const load = () => attempt(() => get<NoticeSettings>('/me/notices/settings'))
  useEffect(() => void load(), [])
  const change = (kind: NoticeKind, part: Partial<NoticeSettings['kinds'][NoticeKind]>) => {
    const before = settings.peek()
    if (!before) return
    const wish = { ...before.kinds[kind], ...part }
    settings.value = { ...before, kinds: { ...before.kinds, [kind]: wish } }
    void attempt(() => put<NoticeSettings>('/me/notices/settings', { kinds: { [kind]: wish } })).then(() => {
      if (problem.peek()) settings.value = before
    })
  }
  return (
    <>
      <header class="notices-head">
        <button type="button" class="quiet icon" aria-label={words.back} title={words.back} onClick={onBack}>
          <Icon name="arrow-left" size={14} />
        </button>
        <h2>{words.settings}</h2>
      </header>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!settings.value && !problem.value && <Skeleton />}
      {settings.value && (
        <div class="notices-settings">
          <Kinds kinds={settings.value.kinds} onChange={change} />
          <h3>{words.push}</h3>
          <p>{words.pushText}</p>
          <Here settings={settings.value} onChanged={load} />
          <Browsers settings={settings.value} onForget={(id) => attempt(() => del(`/me/notices/browsers/${id}`))} />
        </div>
      )}
    </>
  )
}

interface KindsProps {
  kinds: NoticeSettings['kinds']
  onChange: (kind: NoticeKind, part: Partial<NoticeSettings['kinds'][NoticeKind]>) => void
}

function Kinds({ kinds, onChange }: KindsProps) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{words.kind}</th>
          <th scope="col">{words.shown}</th>
          <th scope="col">{words.pushed}</th>
        </tr>
      </thead>
      <tbody>
        {KINDS.map((kind) => (
          <tr key={kind}>
            <td>{words.kinds[kind]}</td>
            <td>
              <input
                type="checkbox"
                aria-label={words.shownFor(words.kinds[kind])}
                checked={kinds[kind].shown}
                onChange={(event) => onChange(kind, { shown: event.currentTarget.checked })}
              />
            </td>
            <td>
              <input
                type="checkbox"
                aria-label={words.pushedFor(words.kinds[kind])}
                checked={kinds[kind].pushed}
                onChange={(event) => onChange(kind, { pushed: event.currentTarget.checked })}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Here({ settings, onChanged }: { settings: NoticeSettings; onChanged: () => Promise<void> }) {
  const on = useSignal<boolean | null>(null)
  const busy = useSignal(false)
  const trouble = useSignal('')
  useEffect(() => {
    void subscribed().then((is) => {
      on.value = is
    })
  }, [settings])
  if (!can()) return <p>{words.unsupported}</p>
  const act = async () => {
    busy.value = true
    trouble.value = on.value ? await unsubscribe(settings) : await subscribe(settings.key)
    busy.value = false
    await onChanged()
  }
  return (
    <>
      <button type="button" class={on.value ? '' : 'primary'} disabled={busy.value || on.value === null} onClick={act}>
        {busy.value ? words.working : on.value ? words.off : words.on}
      </button>
      {trouble.value && (
        <p class="bad" role="alert">
          {trouble.value}
        </p>
      )}
    </>
  )
}

function Browsers({ settings, onForget }: { settings: NoticeSettings; onForget: (id: string) => void }) {
  if (!settings.browsers.length) return null
  return (
    <>
      <h3>{words.browsers}</h3>
      <ul class="notices-browsers">
        {settings.browsers.map((one) => {
          const name = visible(one.name) || words.nameless
          const when = around.ago(ago(one.told_at ?? one.created_at, now.value))
          return (
            <li key={one.id}>
              <span>
                {name} <small>{one.here ? words.here : one.told_at ? words.lastTold(when) : words.since(when)}</small>
              </span>
              <button
                type="button"
                class="quiet icon"
                aria-label={words.forget(name)}
                title={words.forget(name)}
                onClick={() => onForget(one.id)}
              >
                <Icon name="x" size={14} />
              </button>
            </li>
          )
        })}
      </ul>
    </>
  )
}
