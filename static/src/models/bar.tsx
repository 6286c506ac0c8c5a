// The status bar's meters: what the team has used today, fast models apart from deep ones; and the place in line.
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { sessions } from '../sessions/store'
import { words } from '../ui/words/models'
import type { Meters } from '../wire-models'
import type { Live } from '../workspace/live'
import { ask } from './metered'
import { openModels } from './show'

const EVERY = 60_000 // ms

/** Asked when the workspace opens, when a turn ends, and once a minute. Nothing until something was used. */
export function MetersBar({ live }: { live: Live }) {
  const meters = useSignal<Meters | null>(null)
  const busy = sessions.value?.running.value.size ?? 0
  useEffect(() => {
    const look = async () => {
      meters.value = await ask(live).catch(() => meters.peek())
    }
    void look()
    const timer = setInterval(look, EVERY)
    return () => clearInterval(timer)
  }, [live, busy])
  const today = (pool: string) => meters.value?.pools.find((one) => one.pool === pool)?.today.team.tokens ?? 0
  const [fast, deep] = [today('fast'), today('deep')]
  if (fast + deep === 0 && !meters.value?.uncounted) return null
  const title = meters.value?.uncounted ? words.meters.uncounted : words.meters.barTitle
  return (
    <button
      type="button"
      class={meters.value?.uncounted ? 'quiet wide warn' : 'quiet wide'}
      title={title}
      onClick={() => openModels('meters')}
    >
      {words.meters.bar(words.meters.short(fast), words.meters.short(deep))}
    </button>
  )
}
