// The tab's title: what is unread, how far the jobs are, where one is.
import type { Job } from '../wire'

/** How far the jobs at work are, in percent of their items; null where none has a known end, 'none' where none works. */
export function progress(all: Iterable<Job>): number | null | 'none' {
  const active = [...all].filter((job) => !job.parent && ['planning', 'running'].includes(job.state))
  if (!active.length) return 'none'
  const counted = active.filter((job) => job.total > 0)
  const sum = (of: (job: Job) => number) => counted.reduce((all, job) => all + of(job), 0)
  return counted.length
    ? Math.floor((sum((job) => Math.min(job.done, job.total)) / sum((job) => job.total)) * 100)
    : null
}

export function title(unread: number, how: ReturnType<typeof progress>, name: string, site: string): string {
  const work = how === 'none' ? '' : how === null ? '▸ ' : `▸ ${how} % · `
  return `${unread ? `(${unread}) ` : ''}${work}${name ? `${name} · ` : ''}${site}`
}
