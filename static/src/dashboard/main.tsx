// The dashboard of administrators: a page of its own, so that nobody else fetches its code.
import '../ui/kit.css'
import './dashboard.css'
import { effect, signal, useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { LimitsTable } from '../models/limits'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { Toasts } from '../ui/toast'
import { words } from '../ui/words/dashboard'
import { words as limit } from '../ui/words/limits'
import type { Problem } from '../wire'
import type { Limit } from '../wire-limits'
import { Audit } from './audit'
import { Health } from './health'
import { HistoryView } from './history'
import { Now } from './now'
import { follow, limits, load, problem, shown, status } from './state'

type Tab = keyof typeof words.tabs
const TABS = Object.keys(words.tabs) as Tab[]
const named = () => TABS.find((one) => `#${one}` === location.hash) ?? 'now'
const tab = signal<Tab>(named())
window.addEventListener('hashchange', () => (tab.value = named()))

function App() {
  const all = shown.value
  return (
    <>
      <nav class="dashboard-tabs" aria-label={words.sections}>
        {TABS.map((one) => (
          <a key={one} href={`#${one}`} aria-current={tab.value === one ? 'page' : undefined}>
            {words.tabs[one]}
          </a>
        ))}
      </nav>
      {problem.value && <Failure problem={problem.value} retry={() => void load()} />}
      {tab.value === 'now' && (all ? <Now all={all} /> : !problem.value && <Skeleton />)}
      {tab.value === 'history' && <HistoryView />}
      {tab.value === 'limits' && <SiteLimits />}
      {tab.value === 'health' && <Health />}
      {tab.value === 'audit' && <Audit />}
      <Toasts />
    </>
  )
}

function SiteLimits() {
  const rows = useSignal<Limit[] | null>(null)
  const failed = useSignal<Problem | null>(null)
  const ask = async () => {
    try {
      rows.value = await get<Limit[]>('/limits')
      failed.value = null
    } catch (error) {
      failed.value = problemOf(error)
    }
  }
  const set = limits.value?.set // somebody has set one: the table is another
  useEffect(() => void ask(), [set])
  return (
    <section class="card" aria-label={limit.title}>
      <p class="muted">{limit.about}</p>
      {failed.value && <Failure problem={failed.value} retry={ask} />}
      {!rows.value && !failed.value && <Skeleton />}
      {rows.value && (
        <LimitsTable
          rows={rows.value}
          path="/limits"
          uses={limits}
          ofs={['person', 'team', 'endpoint', 'site', 'job']}
          may
          changed={(next) => (rows.value = next)}
        />
      )}
    </section>
  )
}

const mark = document.getElementById('live')
effect(() => {
  if (!mark || !status.value.text) return
  mark.dataset.state = status.value.state
  mark.textContent = status.value.text
})
render(<App />, document.getElementById('dashboard')!)
void load().then(follow)
