// Words of jobs on the first paint: in the rail and the status bar.
const plural = (n: number, one: string) => `${n} ${n === 1 ? one : `${one}s`}`

export const words = {
  delegate: 'Delegate a job',
  status: (n: number) => plural(n, 'job'),
  statusTitle: (n: number, asks: number) =>
    `${plural(n, 'job')} at work${asks ? `, ${plural(asks, 'job')} waiting for somebody` : ''}`,
  badge: (active: number, waiting: number) =>
    [active && `${plural(active, 'job')} at work`, waiting && `${waiting} waiting for somebody`]
      .filter(Boolean)
      .join(', '),
}
