// The status bar's piece about the model: endpoint, tokens a second over the last second, time to the first token.
// Four times a second at most, violet while a turn runs.
import { useEffect, useState } from 'preact/hooks'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/sessions'
import type { Turn } from '../wire'
import { live } from '../workspace/live'
import { spent } from './figures'
import { endpointOf } from './mode'
import { rate, type Sample, sampled } from './rate'
import { type Sessions, sessions } from './store'
import './speed.css'
import './transcript/times.css'

const EVERY = 250 // ms
const Bar = lazy(
  () => import('./transcript/times').then((part) => part.Bar),
  () => <i class="times" />, // as wide
)

interface Figures {
  turn: Turn
  endpoint: string
  ttft: number | null
  perSecond: number | null
  running: boolean
}

export function Speed() {
  const now = live.value
  const all = sessions.value
  if (!now || !all) return null
  return <Shown sessions={all} idle={endpointOf(now.models.value, all.picked.value)?.name ?? ''} />
}

function Shown({ sessions, idle }: { sessions: Sessions; idle: string }) {
  const figures = useFigures(sessions)
  const endpoint = figures?.endpoint || idle
  if (!endpoint) return null
  const parts = [endpoint]
  if (figures?.perSecond != null) parts.push(words.speed(figures.perSecond))
  if (figures?.ttft != null) parts.push(words.firstToken(figures.ttft))
  const list = figures ? spent(figures.turn, sessions.felt(figures.turn.id)) : []
  return (
    <span class={figures?.running ? 'speed num live' : 'speed num'}>
      {list.length > 0 && <Bar list={list} />}
      <span title={words.speedTitle}>{parts.join(' · ')}</span>
    </span>
  )
}

/** Figures of the turn that runs, else of the last one. The clock ticks only while one runs. */
function useFigures(sessions: Sessions): Figures | null {
  const [figures, set] = useState<Figures | null>(null)
  const turn = turnToShow(sessions)
  const running = turn?.state === 'running' ? turn.id : null
  useEffect(() => {
    if (!running) return
    let samples: Sample[] = []
    const look = () => {
      const now = performance.now()
      const one = sessions.running.peek().get(running)
      if (!one) return
      samples = sampled(samples, { at: now, tokens: one.output_tokens })
      set({
        turn: one,
        endpoint: one.endpoint,
        ttft: one.ttft_ms,
        perSecond: one.ttft_ms === null ? null : (rate(samples, now) ?? one.tokens_per_s),
        running: true,
      })
    }
    look()
    const timer = setInterval(look, EVERY)
    return () => clearInterval(timer)
  }, [sessions, running])
  if (running) return figures?.running ? figures : null
  return turn && { turn, endpoint: turn.endpoint, ttft: turn.ttft_ms, perSecond: turn.tokens_per_s, running: false }
}

function turnToShow(sessions: Sessions): Turn | null {
  return [...sessions.running.value.values()].at(-1) ?? sessions.last.value ?? sessions.view.value?.turns.at(-1) ?? null
}
