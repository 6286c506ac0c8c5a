// The audit log: search it, walk its chain, take it away.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/audit'
import type { Problem } from '../wire'
import type { AuditEntry, AuditPage, AuditVerdict } from '../wire-dashboard'

const MOMENT = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })
const WAIT = 250 // ms after the last letter

const about = (detail: AuditEntry['detail']) =>
  Object.entries(detail)
    .filter(([, value]) => value !== '' && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' · ')

export function Audit() {
  const sought = useSignal('')
  const rows = useSignal<AuditEntry[] | null>(null)
  const more = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const load = async (before?: number) => {
    const asked = sought.peek()
    try {
      const query = new URLSearchParams({ words: asked, ...(before && { before: String(before) }) })
      const page = await get<AuditPage>(`/dashboard/audit?${query}`)
      if (asked !== sought.peek()) return
      rows.value = before ? [...(rows.peek() ?? []), ...page.entries] : page.entries
      more.value = page.more
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(), rows.peek() ? WAIT : 0)
    return () => clearTimeout(timer)
  }, [sought.value])
  return (
    <section class="card audit" aria-label={words.title}>
      <div class="row audit-bar">
        <input
          type="search"
          aria-label={words.search}
          placeholder={words.example}
          value={sought.value}
          onInput={(event) => (sought.value = event.currentTarget.value)}
        />
        <Verify />
        <a class="button" href={`/api/dashboard/audit/export?${new URLSearchParams({ words: sought.value })}`}>
          {words.export}
        </a>
      </div>
      {problem.value && <Failure problem={problem.value} retry={() => load()} />}
      {!rows.value && !problem.value && <Skeleton />}
      {rows.value && <Entries rows={rows.value} />}
      {more.value && (
        <button type="button" onClick={() => void load(rows.peek()?.at(-1)?.seq)}>
          {words.older}
        </button>
      )}
    </section>
  )
}

function Entries({ rows }: { rows: AuditEntry[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
    <div class="table" tabIndex={0} role="region" aria-label={words.title}>
      <table>
        <thead>
          <tr>
            {words.columns.map((one, at) => (
              <th key={one} scope="col" class={at === 0 ? 'num' : undefined}>
                {one}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={one.seq}>
              <td class="num">{one.seq}</td>
              <td>
                <time dateTime={one.at}>{MOMENT.format(new Date(one.at))}</time>
              </td>
              <td>{one.actor || words.server}</td>
              <td>
                <b>{one.act}</b>
                {one.behalf && <span class="muted"> {one.behalf}</span>}
              </td>
              <td>{one.thing}</td>
              <td class="muted">{about(one.detail)}</td>
              <td class="muted">{one.place}</td>
            </tr>
          ))}
          {!rows.length && (
            <tr>
              <td class="muted" colSpan={words.columns.length}>
                {words.none}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  )
}

function Verify() {
  const verdict = useSignal<AuditVerdict | null>(null)
  const problem = useSignal<Problem | null>(null)
  const walking = useSignal(false)
  const walk = async () => {
    walking.value = true
    try {
      verdict.value = await get<AuditVerdict>('/dashboard/audit/verify')
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
    walking.value = false
  }
  const found = verdict.value
  return (
    <>
      <button type="button" disabled={walking.value} onClick={() => void walk()}>
        {walking.value ? words.walking : words.verify}
      </button>
      <span role="status" class={found?.wrong.length ? 'bad' : 'good'}>
        {problem.value?.message}
        {found && (found.wrong.length ? found.wrong.join(' ') : words.whole(found.checked))}
      </span>
    </>
  )
}
