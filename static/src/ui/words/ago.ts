// How long something is past, in words.
import type { Ago } from '../../jobs/time'

export function ago(time: Ago): string {
  if (time.unit === 'now') return 'just now'
  if (time.unit === 'yesterday') return 'yesterday'
  if (time.unit === 'date') return time.at.toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })
  return `${time.n} ${time.n === 1 ? time.unit.slice(0, -1) : time.unit} ago`
}
