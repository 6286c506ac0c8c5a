// What people read in comments, history, authorship and source control.
import type { Ago } from '../../jobs/time'
import type { Author } from '../../wire'
import { ago } from './ago'

const many = (n: number, one: string, more = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : more}`

export const comments = {
  title: 'Comments',
  filters: { open: 'Open', resolved: 'Resolved', mine: 'For you' },
  filterBy: 'Which comments',
  elsewhere: 'Other files',
  here: 'This file',
  empty: 'No open comments',
  emptyText: (key: string) => `Select text and press ${key}, or the button beside the selection.`,
  emptyRead: 'What people say about the text is shown here.',
  emptyResolved: 'No resolved comments',
  emptyMine: 'Nothing waits for you',
  emptyMineText: 'Comments that mention you are listed here until you answer or resolve them.',
  more: 'Only the newest are shown.',
  begin: 'Comment on the selection',
  beginHere: 'Comment',
  nothingSelected: 'Select the text to comment on first.',
  mayNot: 'Your role does not permit comments. Ask an owner of the workspace for the commenter role.',
  placeholder: 'Say something. @ mentions a person.',
  replyPlaceholder: 'Reply',
  send: 'Comment',
  reply: 'Reply',
  save: 'Save',
  cancel: 'Cancel',
  edit: 'Edit',
  remove: 'Delete',
  removed: 'Deleted.',
  undo: 'Undo',
  resolve: 'Resolve',
  reopen: 'Reopen',
  resolvedBy: (name: string) => `Resolved by ${name}`,
  edited: 'edited',
  gone: 'The text is gone; it was:',
  notHere: 'The text is not here yet',
  about: 'Commented text',
  show: (quote: string) => `Show “${quote.slice(0, 60)}” in the file`,
  thread: (name: string, quote: string) => `${name} on “${quote.slice(0, 40)}”`,
  someone: 'Someone who left',
  moreOf: (name: string) => `More for the comment of ${name}`,
  toModel: 'Ask the model',
  toModelTitle: 'Put this into the composer, with the text it is about',
  asked: (name: string, text: string) => `${name} commented: “${text}”\nPlease see to it.`,
  mention: 'Mention a person',
  nobody: 'Nobody by that name',
  mentioned: (name: string, path: string) => `${name} mentioned you in ${path}.`,
  look: 'Show',
  count: (n: number) => many(n, 'comment'),
  waiting: (n: number) => `${many(n, 'comment')} for you`,
  next: 'Next comment',
  previous: 'Previous comment',
  empties: 'Write something first.',
}

export const history = {
  title: 'History',
  noFile: 'No file is open',
  noFileText: 'Open a file to see how it came to be.',
  empty: 'Nothing yet',
  emptyText: 'Changes to this file are listed here as people and models make them.',
  older: 'Show older',
  list: (path: string) => `Versions of ${path}`,
  today: 'Today',
  yesterday: 'Yesterday',
  day: (at: Date) => at.toLocaleDateString('en', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
  clock: (at: Date) => at.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false }),
  moment: (at: Date) =>
    at.toLocaleString('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false }),
  counts: (added: number, removed: number) =>
    `${many(added, 'character')} added, ${removed.toLocaleString('en')} removed`,
  version: (name: string, when: string) => `${name}, ${when}`,
  compare: 'Version and now',
  now: 'Now',
  lines: (added: number, removed: number) => `${many(added, 'line')} added and ${removed} removed since`,
  same: 'The same as now',
  restore: 'Restore this version',
  restoreHelp: 'Brings this text back as a new edit of yours. Nothing is forgotten.',
  restored: 'The version is back, as a new edit.',
  unchanged: 'The text is already as in this version.',
  undo: 'Undo',
  undone: 'The text is as before again.',
  mayNot: 'Your role does not permit editing.',
  close: 'Close',
  split: 'Side by side',
  unified: 'Unified',
  layout: 'How to show it',
  changed: 'The file has changed since this was opened.',
  refresh: 'Show the newest',
}

export const blame = {
  toggle: 'Show or hide who wrote each line',
  who: 'Who wrote this line',
  column: 'Who wrote each line',
  why: 'Why is this here',
  whyTitle: 'Show the turn that wrote it',
  job: 'Open the job',
  asked: (name: string) => `for ${name}`,
  and: (names: string) => `Also on this line: ${names}`,
  now: 'now',
  unsaved: 'just typed',
  unknown: 'Nobody knows who wrote this',
  close: 'Close',
  label(author: Author): string {
    if (author.kind === 'turn' || author.kind === 'job') return author.model || author.label || 'The model'
    if (author.kind === 'seed') return 'There before'
    if (author.kind === 'disk') return 'Outside Tandem'
    if (author.kind === 'unknown') return blame.unknown
    return author.person?.name ?? author.label
  },
  explain: {
    seed: 'It was in the file before it was first opened here.',
    disk: 'It came from the disk: another program, or git.',
    unknown: 'Its writer was never told, or is from before authorship was kept.',
  } as Partial<Record<Author['kind'], string>>,
  initials: { turn: 'AI', job: 'AI', disk: '⤓', seed: '·', unknown: '?' } as Partial<Record<Author['kind'], string>>,
  ago,
  short(time: Ago): string {
    if (time.unit === 'now') return 'now'
    if (time.unit === 'yesterday') return '1 d'
    if (time.unit === 'date') return time.at.toLocaleDateString('en', { month: 'short', year: '2-digit' })
    return `${time.n} ${{ minutes: 'min', hours: 'h', days: 'd' }[time.unit]}`
  },
}

export const git = {
  title: 'Source control',
  branch: (name: string) => `on ${name}`,
  detached: 'no branch',
  clean: 'No changes',
  cleanText: 'All files are as in the last commit.',
  all: 'All files',
  files: (n: number) => many(n, 'changed file'),
  chosen: (n: number, of: number) => `${n} of ${many(of, 'file')}`,
  include: (path: string) => `Commit ${path}`,
  show: (path: string) => `Show what changed in ${path}`,
  statusOf: { M: 'changed', A: 'added', D: 'deleted', '?': 'new' } as Record<string, string>,
  message: 'Message',
  placeholder: (key: string) => `What this commit does (${key})`,
  commit: (n: number) => `Commit ${many(n, 'file')}`,
  committing: 'Committing…',
  credit: 'You are the author. People and models who wrote lines in these files are credited with a trailer each.',
  committed: (oid: string) => `Committed as ${oid}`,
  credited: 'Credited',
  none: 'Nobody else wrote in it.',
  mayNot: 'Your role does not permit commits.',
  needMessage: 'Write a message first.',
  needFiles: 'Choose a file first.',
  head: 'Last commit',
  compare: (path: string) => `Changes in ${path}`,
}
