// What people read about limits of what models may be used for.
import type { Held, Limit, LimitKind, LimitMeasure, LimitOf, LimitSpan, LimitUse, Pool } from '../../wire-limits'

const number = (n: number) => n.toLocaleString('en', { maximumFractionDigits: 2 })
// Of little money more is shown, so that it is never nothing.
const money = (n: number) => `$${n.toLocaleString('en', { maximumFractionDigits: n < 1 ? 4 : 2 })}`
const count = (n: number, measure: LimitMeasure) => (measure === 'dollars' ? money(n) : number(n))
const moment = (time: string) =>
  new Date(time).toLocaleString('en', { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

const measured = (amount: number, measure: LimitMeasure, span: LimitSpan): string => {
  const what = measure === 'dollars' ? money(amount) : `${number(amount)} ${measure}`
  const when: Record<LimitSpan, string> = {
    '': ' at once',
    minute: ' a minute',
    day: ' a day',
    month: ' a month',
    ever: ' in all',
  }
  return `${what}${when[span]}`
}

const ofs: Record<LimitOf, string> = {
  site: 'The whole site',
  team: 'Each team',
  person: 'Each person',
  endpoint: 'Each model',
  job: 'Each job',
}

export const words = {
  title: 'Limits',
  about:
    'The most that models may be used for. Fast and deep models are counted apart: using up one never blocks the other. Days and months begin at midnight UTC.',
  aboutTeam: 'Set by the maintainers of your team. What administrators have set holds beside these.',
  none: 'The team has set none of its own.',
  columns: { of: 'For', pool: 'Models', kind: 'Use', most: 'At most', used: 'Used now', frees: 'Resets' },
  used: (row: Limit, one: LimitUse) =>
    count(one.used, row.measure) + (row.amount === null ? '' : ` of ${count(row.amount, row.measure)}`),
  reserved: (row: Limit, one: LimitUse) => `${count(one.reserved, row.measure)} reserved`,
  by: (row: Limit, one: LimitUse) => [one.who, row.pool ? '' : one.pool].filter(Boolean).join(', '),
  met: (n: number, of: LimitOf) => (n > 1 && of !== 'site' ? `${number(n)} have reached it` : 'reached'),
  unused: 'nothing',
  unknown: '–',
  resets: (span: LimitSpan, time: string | undefined) =>
    span === 'minute' ? 'by the minute' : time ? `${moment(time)}` : '',
  ofs,
  pools: { '': 'fast and deep, each', fast: 'fast', deep: 'deep' } satisfies Record<Pool | '', string>,
  kinds: {
    '': 'all together',
    turn: 'turns',
    inline: 'inline edits',
    ghost: 'suggestions at the cursor',
    job: 'jobs',
  } satisfies Record<LimitKind | '', string>,
  measures: { tokens: 'tokens', dollars: 'US dollars', requests: 'requests', calls: 'calls at once' },
  spans: { '': 'at once', minute: 'a minute', day: 'a day', month: 'a month', ever: 'in all' },
  whose: (row: Limit, models: { id: number; name: string }[] = []) => {
    const model = row.endpoint ? (models.find((one) => one.id === row.endpoint)?.name ?? `Model ${row.endpoint}`) : null
    return row.person?.name ?? row.team?.name ?? model ?? ofs[row.of]
  },
  person: (one: { login: string; name: string }) => (one.name === one.login ? one.name : `${one.name} (${one.login})`),
  most: (row: Limit) => (row.amount === null ? 'no limit' : measured(row.amount, row.measure, row.span)),
  default: 'default',
  change: 'Change',
  changeOf: (row: Limit) => `Change the limit of ${words.whose(row)}: ${words.most(row)}`,
  remove: 'Remove',
  removeOf: (row: Limit) => `Remove the limit of ${words.whose(row)}: ${words.most(row)}`,
  add: 'Set a limit',
  save: 'Save',
  saving: 'Saving…',
  cancel: 'Cancel',
  saved: 'The limit holds from now on.',
  fields: {
    of: 'For',
    which: 'Which',
    pool: 'Models',
    kind: 'Use',
    measure: 'Limit of',
    span: 'In',
    amount: 'At most (empty: no limit)',
  },
  holding: 'What holds for you here',
  held: (one: Held) => {
    const whose: Record<LimitOf, string> = {
      ...{ site: 'The site', team: 'Your team', person: 'You', endpoint: 'This model', job: 'This job' },
    }
    return `${whose[one.of]}${one.kind ? `, ${words.kinds[one.kind]}` : ''}`
  },
  heldUsed: (one: Held) => {
    const most = measured(one.amount, one.measure, one.span)
    return one.used === null ? most : `${count(one.used, one.measure)} of ${most}`
  },
  heldLeft: (one: Held) => (one.frees_at ? `frees ${moment(one.frees_at)}` : ''),
  goOn: 'Go on',
  goOnText: 'Go on from where you stopped.',
  goOnTitle: 'Ask it to go on from where it stopped, with the model chosen now',
  frees: (time: string) => `It frees ${moment(time)}.`,
}
