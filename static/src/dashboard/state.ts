// The dashboard's state: what there is to see, its newest values, and five minutes of what is charted.
import { signal } from '@preact/signals'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { words } from '../ui/words/dashboard'
import type { Problem } from '../wire'
import type { Announcement, Cell, Said, Sample, Shown } from '../wire-dashboard'
import type { LimitUses } from '../wire-limits'

export const KEPT_MS = 5 * 60 * 1000
const SILENT_MS = 5000

export type Points = { at: number[]; value: number[] }

export const shown = signal<Shown | null>(null)
export const problem = signal<Problem | null>(null)
export const figures = signal<Record<string, Cell>>({})
export const panels = signal<Sample['panels']>({})
export const series = signal<ReadonlyMap<string, Points>>(new Map())
/** What is used of limits; null: not known (any more). */
export const limits = signal<LimitUses | null>(null)
export const announcement = signal<Announcement | null>(null)
export const status = signal<{ state: 'waiting' | 'live' | 'lost'; text: string }>({ state: 'waiting', text: '' })

export async function load(): Promise<void> {
  try {
    const found = await get<Shown>('/dashboard')
    shown.value = found
    announcement.value = found.announcement
    problem.value = null
    take({ kind: 'sample', ...found.now })
  } catch (error) {
    problem.value = problemOf(error)
  }
}

/** The points of each figure with the sample's behind them; older ones fall away. */
export function remembered(
  before: ReadonlyMap<string, Points>,
  samples: Pick<Sample, 'at' | 'figures'>[],
): Map<string, Points> {
  const next = new Map(before)
  for (const sample of samples) {
    const at = Date.parse(sample.at) / 1000
    for (const [key, value] of Object.entries(sample.figures)) {
      if (typeof value !== 'number') continue
      const old = next.get(key) ?? { at: [], value: [] }
      if (at <= (old.at.at(-1) ?? 0)) continue
      const from = old.at.findIndex((one) => one >= at - KEPT_MS / 1000)
      const kept = from < 0 ? { at: [], value: [] } : { at: old.at.slice(from), value: old.value.slice(from) }
      next.set(key, { at: [...kept.at, at], value: [...kept.value, value] })
    }
  }
  return next
}

export function take(said: Said): void {
  if (said.kind === 'history') {
    series.value = remembered(new Map(), said.samples)
    return
  }
  figures.value = said.figures
  if (Object.keys(said.panels).length > 0) panels.value = { ...panels.peek(), ...said.panels }
  if (said.limits !== undefined) limits.value = said.limits
  series.value = remembered(series.peek(), [said])
}

/** Keeps it live until the page is left. */
export function follow(): void {
  let pause = 500
  let silence: ReturnType<typeof setTimeout> | undefined
  const connect = () => {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/ws/dashboard`)
    socket.onmessage = (event) => {
      take(JSON.parse(event.data) as Said)
      pause = 500
      status.value = { state: 'live', text: words.live }
      clearTimeout(silence)
      silence = setTimeout(() => (status.value = { state: 'lost', text: words.silent }), SILENT_MS)
    }
    socket.onclose = (event) => {
      clearTimeout(silence)
      const final = words.final[event.code]
      status.value = { state: 'lost', text: final ?? words.again }
      if (final) return
      setTimeout(connect, pause * (0.5 + Math.random()))
      pause = Math.min(pause * 2, 30_000)
    }
  }
  connect()
}

/** Whether an act makes sense for a row, by its state. */
export function fits(act: string, row: Cell[]): boolean {
  const rules: Record<string, boolean> = {
    'host.drain': row.includes('open'),
    'host.undrain': row.includes('drained'),
    'endpoint.disable': !row.includes('off'),
    'endpoint.enable': row.includes('off'),
  }
  return rules[act] ?? true
}
