// Every string a person reads in sessions, inline edits and proposals. Sentence case, plain words, numbers with units.
import type { Endpoint, Person, Role, Turn } from '../../wire'

const number = (n: number) => n.toLocaleString('en')
const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`
/** 940, 3.1k, 128k, 1.2M. */
const short = (n: number) => {
  if (n < 1000) return number(n)
  const [value, unit] = n < 999_500 ? [n / 1000, 'k'] : [n / 1e6, 'M']
  return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)}${unit}`
}
const money = (dollars: number) => {
  if (dollars > 0 && dollars < 0.001) return '< $0.001'
  return `$${dollars.toFixed(dollars < 0.1 ? 3 : 2)}`
}
const MINUS = '−'

export const words = {
  // --- session panel ---
  panel: 'Session',
  model: 'Model',
  modelFor: (person: Person | null) => (person ? `Model for ${person.name}` : 'Model'),
  someone: 'Someone',
  transcript: 'Transcript',
  waiting: 'waiting for the first token',
  inLine: (place: number, why: string) =>
    `${place === 1 ? 'next in line' : `number ${place} in line`} for this model: ${why}`,
  writing: 'writing',
  firstToken: (ms: number) => `first token ${number(Math.round(ms))} ms`,
  speed: (perSecond: number) => `${number(Math.round(perSecond))} tok/s`,
  turnTokens: (read: number, written: number) => `${short(read)} in, ${short(written)} out`,
  money,
  seconds: (s: number) => `${s < 10 ? s.toFixed(1) : Math.round(s)} s`,
  plus: (n: number) => `+${number(n)}`,
  minus: (n: number) => `${MINUS}${number(n)}`,
  linesChanged: (added: number, removed: number) =>
    `${plural(added, 'line')} added, ${plural(removed, 'line')} removed`,
  steersTaken: 'steers · taken',
  steersWaiting: 'steers · not yet taken',
  steersMissed: 'steers · not taken',
  typedIn: (path: string, from?: number, to?: number) => {
    if (!from || !to) return `Typed in ${path}`
    return `Typed in ${path}, ${from === to ? `line ${number(from)}` : `lines ${number(from)}–${number(to)}`}`
  },
  notTaken: (why: string) => `The model did not take this: ${why}`,
  queued: 'waits in the queue',
  inlineAsk: 'edits a selection',
  applyAsk: 'applies a block',
  retry: 'Retry',
  retryTitle: 'Ask the same again',

  // --- empty and broken states ---
  emptyTitle: 'Ask about this code',
  emptyText: 'Everyone in the workspace sees the session and can steer it.',
  emptyKey: ['In a file,', 'rewrites the selection.'],
  asks: ['Explain what this file does', 'Find a likely bug in this file', 'Suggest a test for this file'],
  noModelTitle: 'Connect a model to ask',
  ended: (turn: Turn): string =>
    turn.state === 'interrupted' ? 'Interrupted. What was written stays as a proposal.' : 'The turn failed.',

  // --- markdown ---
  copy: 'Copy',
  copied: 'Copied',
  code: 'code',
  image: (text: string) => `Image: ${text || 'untitled'}`,
  imageTitle: 'Images from outside are not loaded. Open the link to see it.',
  applyToFile: 'Apply to file',
  applyToPart: 'Apply to selection',
  applyToPath: (path: string) => `Apply to ${path}`,
  applyToSelection: (path: string) => `Apply to the selection in ${path}`,
  applyNoFile: 'Open the file this belongs to, then apply',
  applyRead: 'The open file is read-only',
  applyPartial: 'The block is not complete',

  // --- tools ---
  openFile: (path: string) => `Open ${path}`,

  // --- composer ---
  composer: 'Message to the model',
  placeholder: {
    send: 'Ask, or say what should change…',
    steer: 'Steer the running turn…',
    redirect: 'Say what this edit should do instead…',
    queue: 'Ask next: it is sent when this is done…',
  },
  primary: { send: 'Send', steer: 'Steer', redirect: 'Redirect', queue: 'Queue' },
  send: 'Send',
  stop: 'Stop',
  escape: 'Esc',
  redirect: 'Stop and redirect',
  redirectTitle: 'Stop the turn and start again from what is written, with this text',
  more: 'More ways to act on the running turn',
  mention: 'Mention a file or the selection',
  mentionFile: (path: string) => path,
  mentionSelection: (path: string, from: number, to: number) =>
    from === to ? `${path}, line ${number(from)}` : `${path}, lines ${number(from)} to ${number(to)}`,
  mentionThisFile: 'open file',
  mentionThisSelection: 'selection',
  mentionTab: 'tab',
  noMentions: 'Open a file to mention it.',
  removeMention: (label: string) => `Remove ${label}`,
  endpoint: (name: string) => `Model to ask: ${name}`,
  endpointName: (one: Endpoint) => `${one.name} · ${one.model}`,
  textOnly: (model: string) =>
    `${model} reads text only, so the picture was not added. Choose a model that sees pictures.`,
  noPictures: 'Pictures cannot be sent to a model from here yet, so the picture was not added.',
  builtinLine: 'Small built-in model. It rewrites selections and answers briefly; it cannot use tools.',
  builtinMore: 'Connect a better one',
  scriptedLine: 'Scripted model, for tests and demos. Its answers are written beforehand.',
  estimate: (tokens: number, window: number, cost: number | null) =>
    `≈ ${short(tokens)} of ${short(window)}${cost === null ? '' : ` · ${money(cost)}`}`,
  estimateTitle: (reply: number) =>
    `Tokens this takes of the model's window, and what reading them costs, about. The answer needs up to ${short(reply)} more.`,
  estimateOver: (tokens: number, window: number) =>
    `Does not fit: ≈ ${short(tokens)} tokens of ${short(window)}, and the answer. Shorten it, or choose a model with a larger window.`,
  why: {
    role: (role: Role) => `As a ${role} you can read along. Ask an owner for the editor role to talk with the model.`,
    noModel: 'No model is connected.',
    offline: 'Offline. Your draft is kept and can be sent when the connection is back.',
    connecting: 'Connecting…',
    empty: 'Write something first.',
    busy: 'Sending…',
  },

  // --- inline edit ---
  inlineTitle: 'Inline edit',
  inlineCommand: 'Edit the selection with the model',
  inlinePlaceholder: 'Say what should change',
  inlineOf: (from: number, to: number) =>
    from === to ? `line ${number(from)}` : `lines ${number(from)} to ${number(to)}`,
  inlineSend: 'Edit',
  inlineKeys: 'Enter to edit · Esc to close',
  inlineRunning: 'writing…',
  inlineStarting: 'starting…',
  inlineStops: 'Esc stops',
  inlineNeedsModel: 'Connect a model to edit with it.',
  inlineReadOnly: 'This file is read-only for you.',
  close: 'Close',
  again: 'Try again',
  stopTurn: 'Stop the turn',
  mayNotStop: (role: Role) => `As a ${role} you cannot stop a turn. Ask an owner for the editor role.`,

  // --- proposals ---
  accept: 'Accept',
  reject: 'Reject',
  acceptAll: 'Accept all',
  rejectAll: 'Reject all',
  nth: (n: number, of: number) => `${number(n)} of ${number(of)}`,
  nextChange: 'Next change',
  previousChange: 'Previous change',
  changed: (who: string, places: number) => `${who} changed ${plural(places, 'place')}`,
  isWriting: (who: string, places: number) =>
    places ? `${who} is writing · ${plural(places, 'place')} so far` : `${who} is writing`,
  stale: (n: number) => (n === 1 ? '1 change needs a rebase' : `${n} changes need a rebase`),
  staleWhy: 'Somebody has changed the same lines since the job began. Its review shows both.',
  jobFor: (person: Person | null) => (person ? `Job for ${person.name}` : 'Job'),
  hunk: 'Change of the model',
  removedLines: (n: number) => `${plural(n, 'line')} removed`,
  addedLines: (n: number) => `${plural(n, 'line')} to add, not in the file yet`,
  moreAdded: (n: number) => `${plural(n, 'more line')} to add`,
  penned: 'The model is still writing this change. Decide when it has left these lines.',
  proposes: (who: string, places: number) => `${who} proposes ${plural(places, 'change')} · not in the file yet`,
  moreRemoved: (n: number) => `${plural(n, 'more line')} removed`,
  mayNotDecide: 'Your role does not permit deciding on changes.',
  commands: {
    accept: 'Accept this change',
    reject: 'Reject this change',
    acceptAll: 'Accept all changes in this file',
    rejectAll: 'Reject all changes in this file',
    next: 'Go to the next change',
    previous: 'Go to the previous change',
  },

  // --- said by screen readers, one polite region ---
  says: {
    started: (path: string) => `Model started in ${path}`,
    still: (lines: number) => `Model still writing, ${plural(lines, 'line')}`,
    finished: (path: string, places: number) =>
      places
        ? `Model finished in ${path}, ${plural(places, 'change')} to decide. F8 for the first.`
        : `Model finished in ${path}`,
    answered: 'The model has answered',
    interrupted: 'Interrupted',
    failed: (why: string) => `The turn failed. ${why}`,
    accepted: 'Change accepted',
    rejected: 'Change rejected',
  },

  // --- status bar ---
  speedTitle: 'Speed of the model: tokens a second over the last second, and the time to the first token of this turn',
}
