// Types of sessions, turns and proposals on the wire: rows, ops and events.

import type { Anchor, Id, Person, Time } from './wire'
import type { LimitMet } from './wire-limits'

// --- sessions -------------------------------------------------------------------------------------------------------
export interface SessionSummary {
  id: Id
  title: string
  active_at: Time
  running: boolean
  by: Person | null // whose turn runs
  owner: Person | null // who started it
  created_at: Time
  archived: boolean
  forked_from: { session: Id; title: string } | null
  turns: number
  inline: boolean // made for somebody's edits with Ctrl K
}
// A session of the list or the search. `pieces` are a line of what was said; `hit` is what was looked for.
export interface SessionHit {
  session: SessionSummary
  excerpts: { turn: Id; item: Id; kind: Item['kind']; who: Person | null; at: Time; pieces: Piece[] }[]
}
export interface Piece {
  text: string
  hit: boolean
}

export type TurnState = 'running' | 'completed' | 'interrupted' | 'failed'
export interface Turn {
  id: Id
  session: Id
  kind: 'session' | 'inline' | 'apply'
  state: TurnState
  owner: Person | null
  endpoint: string
  builtin: boolean
  error: string
  ttft_ms: number | null
  input_tokens: number
  output_tokens: number
  tokens_per_s: number | null
  cost: number | null // US dollars; null where prices are not known
  times: Times
  started_at: Time
  ended_at: Time | null
}
// Milliseconds of a turn: waiting for the model, our own work between its tokens, tools, waiting for people or limits.
export interface Times {
  provider?: number
  server?: number
  tools?: number
  waiting?: number
}
// What sending a draft takes: `reply` is the room its answer needs in the window.
export interface Estimate {
  tokens: number
  window: number
  reply: number
  cost: number // US dollars, if `priced`
  priced: boolean
}

export type Item = { id: Id; turn: Id; position: number; created_at: Time; author: Person | null } & (
  | {
      kind: 'person'
      data: {
        text: string
        steer?: boolean
        taken?: boolean
        missed?: boolean
        failed?: string // why it was missed
        typed?: Typed
        asked?: string // by typing into an inline edit: what it was asked first
        mentions?: Mention[]
        pictures?: Picture[]
      }
    }
  | { kind: 'model'; data: { text: string } }
  | {
      kind: 'tool'
      data: {
        name: string
        input: string
        output: string
        ok: boolean | null
        seconds: number
        path?: string
        result?: ToolResult
        copied?: boolean
      }
    }
  | {
      kind: 'edit'
      data: {
        path: string
        document: Id
        added: number
        removed: number
        proposal?: Id
        writing?: boolean
        copied?: boolean
      }
    }
  // `undo` marks the note of a turn that was taken back (`undone`), or brought back.
  | {
      kind: 'note'
      data: {
        text: string
        tone: 'info' | 'warn' | 'bad'
        undo?: Id
        restore?: Id
        undone?: boolean
        by?: Person
        limit?: LimitMet // of use, which has stopped the turn
      }
    }
)
// What was typed where a model wrote; the lines as they stood then, and the beginning of what was put there.
export interface Typed {
  document: Id
  path: string
  from?: number
  to?: number
  text?: string
}
// What a tool says of its result beside the text: a command's exit code, the lines that were read, how much was found.
export interface ToolResult {
  code?: number | null
  first?: number
  last?: number
  total?: number
  count?: number
}
// What taking a turn back would do to a file: its text now, and then.
export interface TurnFile {
  document: Id
  path: string
  now: string
  then: string
  added: number
  removed: number
  act: '' | 'removed' | 'made' | 'moved' // what becomes of the file itself
  to: string
}
// `name` is what it was called when it was chosen (a symbol's is also how it is found again); `id` of a job or a turn.
export interface Mention {
  kind: 'file' | 'folder' | 'symbol' | 'selection' | 'diff' | 'terminal' | 'problems' | 'job' | 'turn'
  path?: string
  from?: Anchor
  to?: Anchor
  name?: string
  line?: number
  id?: Id
}
export interface Picture {
  id: Id
  width: number
  height: number
}

// A part of the model's window; `text` of an instruction file is what the model is given of it.
export type ContextKind =
  | 'instructions'
  | 'tools'
  | 'agents_file'
  | 'pins'
  | 'map'
  | 'open_files'
  | 'recent_edits'
  | 'git'
  | 'history'
  | 'compaction'
  | 'mentions'
  | 'message'
export interface ContextPart {
  kind: ContextKind
  label: string
  tokens: number
  path: string
  detail: string
  text: string
}
// `lean`: the model gets only what people gave it; `compact_at`: percent of the window.
export interface Context extends Estimate {
  parts: ContextPart[]
  total: number
  compact_at: number
  lean: boolean
}
// A summary in the place of all turns up to `until`, for the model. Nobody in `by`: the window was full.
export interface Compaction {
  id: Id
  session: Id
  until: Id
  summary: string
  tokens_before: number
  tokens_after: number
  at: Time
  by: Person | null
  undone: boolean
}

export interface FoundSymbol {
  name: string
  kind: string
  path: string
  line: number
  end: number
}
// How many there are to mention, of what only the host knows.
export interface MentionOffers {
  commands: number
  problems: number
}

// What waits to be said. `held`: why it does not go; of the first one, why the queue stands still.
export interface QueueEntry {
  id: Id
  session: Id
  text: string
  mentions: Mention[]
  pictures: Picture[]
  by: Person
  changed: { by: Person; how: 'edited' | 'moved' } | null
  endpoint: number | null
  held: string
  created_at: Time
}

// A place where somebody typed into what a turn was writing. `typing`: the turn has not been told yet.
export interface Paused {
  turn: Id
  document: Id
  path: string
  by: Person
  from: Anchor
  to: Anchor
  state: 'typing' | 'sent' | 'left' | 'ended'
}

// The running turn waits for its model's limits, at that place from 1.
export interface InLine {
  turn: Id
  place: number
  why: string
}

export interface SessionSnapshot {
  session: SessionSummary
  turns: Turn[]
  items: Item[]
  queue: QueueEntry[]
  paused: Paused[]
  waiting: InLine | null
  pins: Mention[]
  compactions: Compaction[]
  more: boolean // there are older items: `session.older`
  seq: number
}
export interface SessionPage {
  turns: Turn[]
  items: Item[]
  more: boolean
}

// How models work in a workspace.
export interface SessionRules {
  wait: boolean // edits wait for acceptance
  compact_at: number // percent of the window
  ghost: boolean
}

// --- proposals ------------------------------------------------------------------------------------------------------
// A hunk is open by definition: decided ones are gone. `from`/`to` enclose the lines it put into the document
// (equal when it only removed lines); `removed` are the lines it took out; `added` how many lines it put in.
export interface Hunk {
  id: string
  from: Anchor
  to: Anchor
  removed: string[]
  added: number
  pen?: boolean // its turn writes in it at this moment: it cannot be decided on yet
  // Where it waits for acceptance, `from`/`to` enclose the `taken` lines it would take out, and `lines` is what it would
  // put in; in an event only those behind the first `keep` of the event before.
  taken?: number
  lines?: string[]
  keep?: number
}
export interface Proposal {
  id: Id
  path: string
  document: Id
  turn: Id | null
  job: Id | null
  owner: Person | null
  state: 'open' | 'closed'
  writing: boolean // the turn is still streaming into it
  waiting?: boolean // nothing of it is in the document before it is accepted
  stale?: number // changes of a job whose lines people have changed since: only its review has them
  // A file that would be made (its text is the lines of its one hunk), deleted or moved. It has no document then.
  act?: 'create' | 'delete' | 'move'
  to?: string
  hunks: Hunk[]
}
// The region a running turn writes now; null anchors: it has left the document.
export interface Region {
  turn: Id
  document: Id
  path: string
  from: Anchor | null
  to: Anchor | null
  owner: Person | null
}

// --- ops and events --------------------------------------------------------------------------------------------------
export interface SessionOps {
  'session.create': [{ title?: string }, { session: SessionSummary }]
  'session.open': [{ session: Id; after?: number }, { snapshot?: SessionSnapshot; events?: SessionEvent[] }]
  'session.estimate': [
    { session?: Id; text: string; mentions: Mention[]; pictures?: Id[]; endpoint?: number },
    Estimate,
  ]
  'session.rename': [{ session: Id; title: string }, { session: SessionSummary }]
  'session.archive': [{ session: Id; archived: boolean }, { session: SessionSummary }]
  'session.fork': [{ session: Id; turn: Id }, { session: SessionSummary }]
  'session.older': [{ session: Id; before: Id; most?: number; to?: Id }, SessionPage]
  'turn.start': [{ session: Id; text: string; mentions: Mention[]; pictures?: Id[]; endpoint?: number }, { turn: Id }]
  'context.show': [{ session?: Id; text: string; mentions: Mention[]; pictures?: Id[]; endpoint?: number }, Context]
  'context.pin': [{ session: Id; mention: Mention }, { pins: Mention[] }]
  'context.unpin': [{ session: Id; mention: Mention }, { pins: Mention[] }]
  'context.compact': [{ session: Id; endpoint?: number }, { compaction: Compaction }]
  'context.uncompact': [{ session: Id; compaction: Id }, { compaction: Compaction }]
  'context.compaction': [{ session: Id; compaction: Id }, { before: string; after: string }]
  // `complete`: whether all files have been looked into; if not, ask again.
  'symbols.find': [{ query: string; path?: string }, { symbols: FoundSymbol[]; complete?: boolean }]
  'mention.offers': [Record<string, never>, MentionOffers]
  'turn.inline': [
    { document: Id; from: Anchor; to: Anchor; instruction: string; session?: Id; endpoint?: number },
    { turn: Id },
  ]
  'turn.steer': [{ turn: Id; text: string }, { item: Id; outcome: 'accepted' | 'pending' }]
  'turn.interrupt': [{ turn: Id }, { state: TurnState }]
  'turn.undo': [{ turn: Id }, { paths: string[] }]
  'turn.redo': [{ turn: Id }, { paths: string[] }]
  'turn.preview': [{ turn: Id; redo?: boolean }, { files: TurnFile[] }]
  'turn.accept': [{ turn: Id }, { files: number }]
  'turn.reject': [{ turn: Id }, { files: number }]
  'checkpoint.preview': [{ turn: Id }, { files: TurnFile[] }]
  'checkpoint.restore': [{ turn: Id }, { paths: string[] }]
  'checkpoint.unrestore': [{ turn: Id }, { paths: string[] }]
  'queue.add': [{ session: Id; text: string; mentions?: Mention[]; pictures?: Id[]; endpoint?: number }, { entry: Id }]
  'queue.edit': [{ entry: Id; text: string; mentions?: Mention[] }, Record<string, never>]
  'queue.move': [{ entry: Id; before: Id | null }, Record<string, never>]
  'queue.remove': [{ entry: Id }, Record<string, never>]
  'queue.send': [{ entry: Id; as: 'steer' | 'redirect' | 'start'; turn?: Id }, Record<string, never>]
  'pause.go': [{ turn: Id; document: Id }, Record<string, never>]
  'pause.leave': [{ turn: Id; document: Id }, Record<string, never>]
  'queue.resume': [{ session: Id }, Record<string, never>]
  'turn.redirect': [{ turn: Id; text: string; mentions?: Mention[]; pictures?: Id[] }, { turn: Id }]
  'block.apply': [{ session: Id; item: Id; block: number; path: string; from?: Anchor; to?: Anchor }, { turn: Id }]
  'proposal.accept': [{ proposal: Id; hunks: string[] | 'all' }, Record<string, never>]
  'proposal.reject': [{ proposal: Id; hunks: string[] | 'all' }, Record<string, never>]
}

// Session events carry session and seq, rising by one.
export type SessionEvent = { session: Id; seq: number } & (
  | { type: 'session.changed'; summary: SessionSummary }
  | { type: 'turn.started'; turn: Turn }
  | { type: 'turn.speed'; turn: Id; ttft_ms: number | null; tokens: number; tokens_per_s: number | null }
  | ({ type: 'turn.waiting' } & InLine) // place 0: it waits no more
  | { type: 'turn.ended'; turn: Turn }
  | { type: 'item.started'; item: Item }
  | { type: 'item.delta'; item: Id; text: string } // appended to data.text (model) or data.output (tool)
  | { type: 'item.completed'; item: Item }
  | { type: 'queue.changed'; queue: QueueEntry[] }
  | { type: 'pins.changed'; pins: Mention[] }
  | { type: 'compaction'; compaction: Compaction }
  | ({ type: 'region.paused' } & Paused)
)
