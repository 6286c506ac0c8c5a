// How models work in this workspace, for all its sessions: shown to everybody, changed by maintainers.
import { useSignal, useSignalEffect } from '@preact/signals'
import { get, put } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/rules'
import type { Problem, Role, SessionRules } from '../wire'
import './rules.css'

const mayChange = (role: Role) => role === 'owner' || role === 'maintainer'

export function Rules({ workspace, role }: { workspace: string; role: Role }) {
  const rules = useSignal<SessionRules | null>(null)
  const problem = useSignal<Problem | null>(null)
  const path = `/workspaces/${workspace}/rules`
  const attempt = async (ask: () => Promise<SessionRules>) => {
    try {
      rules.value = await ask()
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const load = () => attempt(() => get<SessionRules>(path))
  useSignalEffect(() => {
    void load()
  })
  const now = rules.value
  const off = !mayChange(role)
  const change = (more: Partial<SessionRules>) => {
    if (!now) return
    rules.value = { ...now, ...more }
    void attempt(() => put<SessionRules>(path, { ...now, ...more })).then(() => problem.peek() && (rules.value = now))
  }
  return (
    <section class="rules" aria-label={words.title}>
      <h3>{words.title}</h3>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!now && !problem.value && <Skeleton />}
      {now && (
        <fieldset disabled={off} title={off ? words.mayNot : ''}>
          {([false, true] as const).map((wait) => (
            <label key={String(wait)}>
              <input type="radio" name="wait" checked={now.wait === wait} onChange={() => change({ wait })} />
              <span>
                {words.wait[wait ? 'yes' : 'no']}
                <small class="muted">{words.waitMeans[wait ? 'yes' : 'no']}</small>
              </span>
            </label>
          ))}
          <label class="rules-row">
            <input type="checkbox" checked={now.ghost} onChange={(e) => change({ ghost: e.currentTarget.checked })} />
            <span>{words.ghost}</span>
          </label>
          <label class="rules-row">
            <span>{words.compact}</span>
            <input
              type="number"
              min={20}
              max={95}
              step={5}
              value={now.compact_at}
              onChange={(e) => change({ compact_at: Number(e.currentTarget.value) })}
            />
            <span>%</span>
          </label>
        </fieldset>
      )}
      {now && off && <p class="small muted">{words.mayNot}</p>}
    </section>
  )
}
