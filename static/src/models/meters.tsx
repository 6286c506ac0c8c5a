// What models have used: a table in the models screen, and two figures in the status bar.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/models'
import type { Problem } from '../wire'
import type { Meters } from '../wire-models'
import type { Live } from '../workspace/live'
import { ask } from './metered'

const SPANS = ['today', 'month'] as const
const WHO = ['yours', 'team'] as const

export function MetersView({ live }: { live: Live }) {
  const meters = useSignal<Meters | null>(null)
  const problem = useSignal<Problem | null>(null)
  const load = async () => {
    try {
      meters.value = await ask(live)
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useEffect(() => void load(), [live])
  if (problem.value) return <Failure problem={problem.value} retry={load} />
  if (!meters.value) return <Skeleton />
  return (
    <section class="model-meters" aria-label={words.tabs.meters}>
      <p class="muted small">{words.meters.about}</p>
      {meters.value.uncounted && <p class="warn">{words.meters.uncounted}</p>}
      <table class="num">
        <thead>
          <tr>
            <td />
            {SPANS.map((span) =>
              WHO.map((who) => (
                <th key={span + who} scope="col">
                  {words.meters.spans[span]}, {words.meters.who[who]}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {meters.value.pools.map((pool) => (
            <tr key={pool.pool}>
              <th scope="row">
                {words.meters.pools[pool.pool]}
                <span class="faint small">{words.meters.running(pool.running)}</span>
              </th>
              {SPANS.map((span) => WHO.map((who) => <td key={span + who}>{words.meters.used(pool[span][who])}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
