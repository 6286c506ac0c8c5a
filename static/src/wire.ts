// Types of everything that crosses the wire: HTTP answers, ops and events of the main socket.
// The same words as in the database and on screen. Positions in documents cross only as Yjs relative positions,
// encoded by Y.encodeRelativePosition and base64 (type `Anchor`).

import type { AssistEvent, AssistOps } from './wire-assist'
import type { Announcement } from './wire-dashboard'
import type { Authors, DiskConflict, Thread } from './wire-documents'
import type { JobNews, JobOps } from './wire-jobs'
import type { NoticeNews } from './wire-notices'
import type { Proposal, Region, SessionEvent, SessionOps, SessionSummary } from './wire-sessions'

export type * from './wire-assist'
export type * from './wire-documents'
export type * from './wire-jobs'
export type * from './wire-models'
export type * from './wire-notices'
export type * from './wire-sessions'

export type Id = string
export type Anchor = string
export type Time = string // ISO 8601, UTC

export interface Problem {
  code: string
  message: string
  do: string
  retry_after?: number
}

// --- people and workspaces -----------------------------------------------------------------------------------------
export type Role = 'owner' | 'maintainer' | 'editor' | 'commenter' | 'viewer'
export interface Person {
  id: number
  name: string
  colour: number
}
export interface Me extends Person {
  username: string
  staff: boolean
  site: string
  version: string
}
export interface Member extends Person {
  role: Role
  you: boolean
}
export interface Workspace {
  id: Id
  name: string
  role: Role
  source: 'git' | 'local' | 'upload' | 'sample' | 'empty'
  origin: string
  state: 'creating' | 'ready' | 'failed'
  progress: string
  problem: string
  active_at: Time
  people_now: Person[]
  jobs_running: number
  to_review: number
}
export interface InviteLink {
  link: string
  role: Role
  expires_at: Time
}

export interface TreeEntry {
  path: string
  kind: 'file' | 'folder' | 'link'
  size: number
  // Set when the file cannot be opened as a document, in words ("binary", "larger than 5 MiB").
  problem: string
}
export interface Tree {
  entries: TreeEntry[]
  truncated: boolean
}
export interface DocumentRef {
  id: Id
  path: string
  access: 'edit' | 'read'
  reason: string // why it is read-only; '' when it can be edited
  epoch: number // of the text; a copy of another epoch cannot be joined with it
}
export interface AccessToken {
  id: Id
  name: string
  scope: 'read' | 'write'
  team: { id: Id; name: string } | null
  created_at: Time
  expires_at: Time
  used_at: Time | null
  live: boolean
}
export interface AccessTokens {
  tokens: AccessToken[]
  teams: { id: Id; name: string }[]
}
export interface SearchHit {
  path: string
  line: number
  column: number
  text: string
}
export interface SearchAnswer {
  hits: SearchHit[]
  truncated: boolean
  seconds: number
}
export interface GitStatus {
  branch: string
  head: string
  changes: { path: string; status: 'M' | 'A' | 'D' | '?' }[]
}

export interface Endpoint {
  id: number
  name: string
  model: string
  builtin: boolean
  scripted: boolean
  drives_tools: boolean
  images?: boolean | null // whether it sees pictures; null where nobody has found out
  window: number
  price?: { input: number; output: number } | null // US dollars for a million tokens; null where it is not known
  resting_until: Time | null
  problem: string // what went wrong last; '' once it worked again
}
export interface Models {
  endpoints: Endpoint[]
  default: number | null
  advice: string
}

// --- jobs -----------------------------------------------------------------------------------------------------------
export type JobState =
  | 'queued'
  | 'planning'
  | 'running'
  | 'waiting'
  | 'review'
  | 'merged'
  | 'discarded'
  | 'failed'
  | 'cancelled'
export interface Budget {
  minutes: number
  steps: number
  tokens: number
  dollars: number
  times: number
}
export interface Plan {
  steps: { text: string; done: boolean }[]
  state: 'proposed' | 'approved' | '' // proposed: it waits until somebody approves it
  by: string // who approved or edited it
}
export interface Job {
  id: Id
  parent?: Id | null // the job that delegated it
  session?: Id | null // where it was delegated, and reports
  kind: 'map' | 'agent'
  state: JobState
  instruction: string
  paths: string[]
  owner: Person | null
  endpoint: string
  builtin: boolean
  phase: string
  question: string // what it asks people; it waits for their answer
  taken_by?: Person | null // who has its work in their editor: it waits until they give it back
  pausing: boolean
  budget: Partial<Budget> // the most it may use, each `times`; 0: no limit
  plan?: Plan | null
  setup?: { command?: string; code?: number | null; seconds?: number; port?: number } | null // of its worktree
  attempt?: number // how often workers have begun it since a step was done
  queue_place?: number | null // while it is queued: jobs that come before it; beyond ten by tens
  worked_seconds: number // by attempts that have ended
  cost: number // US dollars, where prices are known
  done: number
  total: number
  failed: number
  input_tokens: number
  output_tokens: number
  error: string
  created_at: Time
  started_at: Time | null
  ended_at: Time | null
  added: number
  removed: number
  files: number
}
export interface JobStep {
  position: number
  name: string
  state: 'planned' | 'started' | 'done' | 'failed' | 'unknown' // unknown: its worker died in it
  error: string
  seconds: number | null
}
export interface JobEvent {
  id: number
  kind: string
  data: Record<string, unknown>
  created_at: Time
}
export interface JobDetail extends Job {
  steps: JobStep[]
  events: JobEvent[]
  children?: JobChild[]
}
export interface JobChild {
  id: Id
  instruction: string
  state: JobState
  phase: string
  done: number
  total: number
  error: string
  cost: number
}

// --- the main socket: JSON-RPC 2.0 in Stateless frames of the document `workspace` ---------------------------------
export interface Ops extends SessionOps, AssistOps, JobOps {
  'workspace.open': [
    Record<string, never>,
    {
      role: Role
      people: Person[]
      sessions: SessionSummary[]
      jobs: Job[]
      proposals: Proposal[]
      regions: Region[]
      models: Models
      announcement?: Announcement | null
    },
  ]
  'document.settle': [{ document: Id; conflict: Id }, Record<string, never>] // refused to all but the first
  'document.attach': [{ document: Id }, { made: boolean }] // a deleted file is made anew
  'document.unmerge': [{ document: Id }, { changed: boolean }]
  'document.restore': [{ document: Id; epoch: number; seq: number; version?: number }, { changed: boolean }]
}

// Notifications: {jsonrpc: '2.0', method: 'event', params: Event}. Session events carry session and seq, rising by one.
export type WorkspaceEvent =
  | { type: 'region'; region: Region }
  | { type: 'proposal'; proposal: Proposal } // opened, changed or closed: the whole of it
  | { type: 'job'; job: Job }
  | { type: 'job.event'; job: Id; event: JobEvent }
  | { type: 'files.changed'; paths: string[] } // the tree or git status may have changed
  | { type: 'document.disk'; document: Id; on_disk: boolean; seq: number } // whether everything saved is in the file
  | { type: 'files.saved' } // some document went to its file; at most once a second
  // As its file permits; detached: the file was deleted on disk.
  | { type: 'document.access'; document: Id; access: 'edit' | 'read'; reason: string; detached: boolean }
  | { type: 'document.conflict'; document: Id; hunks: DiskConflict[] } // all that are open; none when all are decided
  | { type: 'document.moved'; document: Id; path: string } // its file was renamed
  | { type: 'document.notice'; document: Id; tone: 'info' | 'warn' | 'bad'; text: string } // merged from disk, deleted on disk…
  | ({ type: 'document.authors'; document: Id } & Omit<Authors, 'epoch' | 'since'>) // what is new: who an id or a range is of
  | { type: 'thread'; document: Id; thread: Thread } // begun or changed: the whole of it
  | { type: 'thread.gone'; document: Id; id: Id }
  | { type: 'people'; people: Person[] }
  | { type: 'role'; role: Role | null }
  | { type: 'announcement'; announcement: Announcement | null } // what administrators say to everybody
  | { type: 'models' } // endpoints or roles changed: ask again, they are not the same for all
export type Event = SessionEvent | WorkspaceEvent | AssistEvent | JobNews | NoticeNews

// --- awareness of the document `workspace` and of open documents (set by each browser; person fields by the server) --
export interface AwarenessState {
  person?: Person // filled in by the server, never trusted from a client
  path?: string // the document this tab shows
  document?: Id
  cursor?: { anchor: Anchor; head: Anchor } // only in a document's own awareness
  top?: Anchor // of what its view shows, beside the cursor
  typing?: number
}
