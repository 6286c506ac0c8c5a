// What the doctor finds, in words, with what to do about it.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/dashboard'
import type { Problem } from '../wire'
import type { Finding } from '../wire-dashboard'

const TONES = { ok: 'good', warn: 'warn', fail: 'bad' } as const
const SIGNS = { ok: '✓', warn: '!', fail: '✕' } as const

export function Health() {
  const found = useSignal<Finding[] | null>(null)
  const problem = useSignal<Problem | null>(null)
  const load = async () => {
    found.value = null
    try {
      found.value = await get<Finding[]>('/dashboard/health')
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useEffect(() => void load(), [])
  return (
    <section class="card" aria-label={words.tabs.health}>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!found.value && !problem.value && <Skeleton />}
      {found.value && (
        <>
          <table class="health">
            <thead>
              <tr>
                {words.healthColumns.map((one) => (
                  <th key={one} scope="col">
                    {one}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...found.value].sort(worstFirst).map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td class={TONES[one.state]}>
                    {SIGNS[one.state]} {words.states[one.state]}
                  </td>
                  <td>{one.finding}</td>
                  <td class="muted">{one.advice}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="row">
            <button type="button" onClick={() => void load()}>
              {words.look}
            </button>
          </p>
        </>
      )}
    </section>
  )
}

const RANK = { fail: 0, warn: 1, ok: 2 }
const worstFirst = (a: Finding, b: Finding) => RANK[a.state] - RANK[b.state]
