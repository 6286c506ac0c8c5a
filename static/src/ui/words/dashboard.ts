// What administrators read on the dashboard.
import type { By, Cell, Finding, Span } from '../../wire-dashboard'

export const words = {
  tabs: { now: 'Now', history: 'History', limits: 'Limits', health: 'Health', audit: 'Audit' },
  sections: 'Sections of the dashboard',
  live: 'live',
  silent: 'not live: the server is silent',
  again: 'not live: connecting again',
  final: {
    4401: 'not live: sign in to see live figures',
    4403: 'not live: you may not see these figures any more',
  } as Record<number, string>,
  cell: (value: Cell | undefined) => {
    if (value === null || value === undefined) return '–'
    return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 4 }) : value
  },
  unreadable: 'Cannot be read now.',
  asTable: 'The charts as a table',
  chartColumns: ['Figure', 'now', 'lowest', 'mean', 'highest'],
  chart: (label: string, now: string, unit: string) => `${label}, the last five minutes; now ${now} ${unit}`,
  actsOf: 'What can be done',
  actOf: (label: string, name: string) => `${label}: ${name}`,
  doing: 'Doing it…',
  cancel: 'Cancel',
  message: 'Message everyone',
  messageNow: (text: string) => `Everyone reads: “${text}”`,
  messageAbout: 'A banner on every screen of the app, until you take it back. Plain text, at most 400 characters.',
  spans: { hour: 'Hours', day: 'Days', month: 'Months' } satisfies Record<Span, string>,
  bys: { all: 'All', team: 'Teams', person: 'People', model: 'Models', kind: 'Uses' } satisfies Record<By, string>,
  span: 'In',
  by: 'By',
  measures: { tokens: 'Tokens', cost: 'US dollars', calls: 'Calls', errors: 'Errors' },
  measure: 'Show',
  noHistory: 'Nothing was used in this time',
  noHistoryText: 'As soon as somebody asks a model, what it reads and writes is here.',
  hunks: 'Hunks decided',
  accepted: 'accepted',
  rejected: 'rejected',
  total: 'Total',
  when: (time: string, span: Span) => {
    const at = new Date(time)
    if (span === 'hour') return `${at.toISOString().slice(5, 10)} ${at.toISOString().slice(11, 13)}:00`
    return at.toISOString().slice(0, span === 'day' ? 10 : 7)
  },
  tick: (time: string, span: Span) => (span === 'day' ? time.slice(5, 10) : words.when(time, span)),
  tableOf: (measure: string) => `${measure} as a table`,
  utc: 'Times are UTC.',
  states: { ok: 'in order', warn: 'look at it', fail: 'broken' } satisfies Record<Finding['state'], string>,
  look: 'Look again',
  healthColumns: ['What', 'State', 'Finding', 'What to do'],
}
