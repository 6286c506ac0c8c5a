// Every string a person reads in the list of sessions, the head of the panel, tool cards and the times of a turn.
import type { Person } from '../../wire'

const number = (n: number) => n.toLocaleString('en')
const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`

export const words = {
  // --- head of the panel ---
  sessions: 'Sessions',
  sessionsTitle: 'All sessions of this workspace',
  newSession: 'New',
  newSessionTitle: 'Start a new session',
  untitled: 'New session',
  rename: 'Rename',
  renameTitle: 'Rename this session',
  title: 'Title of the session',
  more: 'More about this session',
  archive: 'Archive',
  restore: 'Bring back',
  archived: 'Archived.',
  exportMarkdown: 'Export as Markdown',
  exportJson: 'Export as JSON',
  forkedFrom: 'Forked from',
  openSource: (title: string) => `Open the session this was forked from: ${title}`,

  // --- list ---
  search: 'Search titles and everything said',
  filter: 'Which sessions',
  active: 'Active',
  inArchive: 'Archived',
  close: 'Close the list',
  running: 'running',
  runningBy: (who: Person | null) => (who ? `running for ${who.name}` : 'running'),
  by: (who: Person | null) => who?.name ?? 'Someone',
  turns: (n: number) => plural(n, 'turn'),
  forked: 'fork',
  count: (n: number, more: boolean) => `${more ? 'More than ' : ''}${plural(n, 'session')}`,
  hits: (n: number, more: boolean) => `${more ? 'More than ' : ''}${plural(n, 'session')} found`,
  showMore: 'Show more',
  none: 'No sessions yet',
  noneText: 'Ask a model something and it is kept here, for everybody in the workspace.',
  noneArchived: 'Nothing is archived',
  noneArchivedText: 'Archived sessions leave the list, and can be found and brought back here.',
  noHit: (query: string) => `Nothing was said about “${query}”`,
  noHitText: 'Every word has to be in one message or in the title. Try fewer words.',
  rowMenu: (title: string) => `More about ${title}`,
  said: (kind: string, who: Person | null) =>
    kind === 'model' ? 'Model' : kind === 'note' ? 'Tandem' : (who?.name ?? 'Someone'),

  // --- transcript ---
  older: 'Loading what was said before',
  showOlder: 'Show what was said before',
  newest: 'Newest',
  newestTitle: 'Go to the newest message',
  beginning: 'Beginning of the session',
  turnMenu: 'More about this turn',
  fork: 'Fork from here',
  forkTitle: 'A new session with everything up to the end of this turn',
  forkRunning: 'The turn still runs',
  copyMessage: 'Copy the message',
  copyAnswer: 'Copy the answer',
  copied: 'Copied',
  forkMade: 'Forked. This is the new session.',
  open: 'Open the link?',
  openLink: 'Open in a new tab',
  leave: 'Cancel',
  leads: 'It leads to',
  otherwise: (text: string) => `The text says “${text}”.`,
  task: (done: boolean) => (done ? 'done' : 'to do'),

  // --- tool cards ---
  tool: {
    read_file: 'Read',
    list_files: 'Listed',
    search: 'Searched',
    apply_patch: 'Patched',
    run_command: 'Ran',
    think: 'Thought',
  } as Record<string, string>,
  lines: (first: number, last: number) => (first === last ? `:${number(first)}` : `:${number(first)}–${number(last)}`),
  ofLines: (total: number) => `of ${plural(total, 'line')}`,
  found: (n: number) => (n ? plural(n, 'hit') : 'nothing found'),
  files: (n: number) => (n ? plural(n, 'file') : 'no file'),
  exit: (code: number) => `exit ${code}`,
  stopped: 'stopped',
  failed: 'failed',
  ranOk: 'done',
  isRunning: 'running',
  seconds: (s: number) =>
    s < 0.001 ? '< 1 ms' : s < 0.1 ? `${Math.round(s * 1000)} ms` : `${s < 10 ? s.toFixed(1) : Math.round(s)} s`,
  command: 'Command',
  output: 'Output',
  noOutput: 'No output.',
  asked: 'Asked for',
  reason: 'Why it failed',
  text: 'Text',
  change: 'Change',
  answer: 'What the model was told',
  folded: (n: number) => `Show ${plural(n, 'more line')}`,
  fold: 'Fold',
  openAt: (path: string, line: number) => `Open ${path} at line ${number(line)}`,
  plus: (n: number) => `+${number(n)}`,
  minus: (n: number) => `−${number(n)}`,

  // --- times of a turn ---
  times: 'Where the time of this turn went',
  place: {
    provider: 'Model',
    server: 'Tandem',
    tools: 'Tools',
    waiting: 'Waiting',
    wire: 'Wire',
    paint: 'Screen',
  },
  placeWhy: {
    provider: 'waiting for the provider',
    server: 'our own work between its tokens',
    tools: 'commands, files, searches',
    waiting: 'for a limit or for people',
    wire: 'one round trip to this browser',
    paint: 'from arrival to frame, on average',
  },
  ms: (ms: number) =>
    ms < 1 ? '< 1 ms' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`,
  firstToken: 'First token',
  speed: 'Speed',
  perSecond: (n: number) => `${number(Math.round(n))} tok/s`,
  roundTrip: (ms: number) => `${number(Math.round(ms))} ms round trip`,
  barName: (list: string) => `Time of this turn: ${list}`,

  // --- said by screen readers ---
  says: {
    began: 'The model works',
    did: (what: string) => `Model: ${what}`,
    didMany: (n: number) => `Model: ${plural(n, 'step')} done`,
    older: (n: number) => `${plural(n, 'older message')} loaded`,
  },
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** "now", "5 min", "3 h", "2 d", then the date: short, for a column. */
export function ago(time: string, now = Date.now()): string {
  const passed = now - Date.parse(time)
  if (passed < MINUTE) return 'now'
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min`
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h`
  if (passed < 7 * DAY) return `${Math.floor(passed / DAY)} d`
  const date = new Date(time)
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' as const }
  return date.toLocaleDateString('en', { day: 'numeric', month: 'short', ...year })
}

export const fullTime = (time: string) =>
  new Date(time).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'medium', hour12: false })
