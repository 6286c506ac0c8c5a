// What models have used: a table in the models screen, and two figures in the status bar.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words as limit } from '../ui/words/limits'
import { words } from '../ui/words/models'
import type { Problem } from '../wire'
import type { Held, Limits } from '../wire-limits'
import type { Meters } from '../wire-models'
import type { Live } from '../workspace/live'
import { LimitsTable } from './limits'
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
      <Limited live={live} />
    </section>
  )
}

// What holds for the one who looks; and, for maintainers, what the team sets for itself.
function Limited({ live }: { live: Live }) {
  const limits = useSignal<Limits | null>(null)
  const problem = useSignal<Problem | null>(null)
  const path = `/workspaces/${live.id}/limits`
  const load = async () => {
    try {
      limits.value = await get<Limits>(path)
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useEffect(() => void load(), [path])
  if (problem.value) return <Failure problem={problem.value} retry={load} />
  const all = limits.value
  if (!all) return <Skeleton />
  return (
    <>
      <h3>{limit.holding}</h3>
      <table class="num held">
        <tbody>
          {all.holding.filter(telling).map((one) => (
            <tr
              key={`${one.of} ${one.by} ${one.pool} ${one.kind} ${one.measure} ${one.span}`}
              class={one.used !== null && one.used >= one.amount ? 'full' : ''}
            >
              <th scope="row">{limit.held(one)}</th>
              <td>{words.meters.pools[one.pool]}</td>
              <td>
                {limit.heldUsed(one)}
                {one.used !== null && <Bar share={one.amount > 0 ? one.used / one.amount : 1} />}
              </td>
              <td>{limit.heldLeft(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>{limit.title}</h3>
      <p class="muted small">{all.own.length === 0 ? limit.none : limit.aboutTeam}</p>
      <LimitsTable
        rows={all.own}
        path={path}
        ofs={['person', 'team', 'endpoint']}
        may={all.may_change}
        changed={() => void load()}
      />
    </>
  )
}

const Bar = ({ share }: { share: number }) => (
  <span class="progress" aria-hidden="true">
    <i style={{ transform: `scaleX(${Math.min(1, share)})` }} />
  </span>
)

/** How many calls run at once is of interest while some do. */
const telling = (one: Held) => one.measure !== 'calls' || one.used !== 0
