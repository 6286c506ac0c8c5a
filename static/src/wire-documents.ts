// Types of what hangs on a document: conflicts with the disk, history, authorship, comments, commits.
import type { Anchor, Id, Person, Time } from './wire'

// Lines that the file on disk and the document changed differently. `ours` stands between the anchors.
export interface DiskConflict {
  id: Id
  start: Anchor
  end: Anchor
  ours: string
  theirs: string
  base: string
}
// Who wrote something: a person, or the model of a turn or a job and the person who asked it.
export interface Author {
  origin: string // person:<id>, turn:<id>, job:<id>, disk, seed, or '' where nobody knows
  kind: 'person' | 'turn' | 'job' | 'disk' | 'seed' | 'unknown'
  label: string
  person: Person | null
  model: string
  prompt: string // its first 200 characters
  session: Id | null
  turn: Id | null
  job: Id | null
  at: Time | null
}
// The author of a character is the origin of its Yjs client id, but for the ranges: [client, clock, length, origin].
export interface Authors {
  epoch: number
  authors: Record<string, Author>
  clients: [number, string][]
  ranges: [number, number, number, string][]
  since: Record<string, Time> // when each client id began to write here
}
export interface VersionRow {
  id: number // asked for as `version` where there is a note: such an entry has a text of its own
  epoch: number
  first_seq: number
  last_seq: number
  author: Author
  began_at: Time
  ended_at: Time
  added: number
  removed: number
  note: string
}
export interface Timeline {
  versions: VersionRow[]
  more: boolean
}
export interface OldText {
  text: string
  at: Time | null
  author: Author
}
export interface Changes {
  branch: string
  files: { path: string; status: 'M' | 'A' | 'D' | '?' }[]
}
export interface Commit {
  oid: string
  message: string // as committed, with the trailers
  notes_ref: string // '' if nobody is known to have written anything in it
}

// --- comments: a thread on a stretch of text, which its anchors follow ------------------------------------------
export interface Comment {
  id: Id
  author: Person | null
  text: string
  created_at: Time
  edited_at: Time | null
  mentions: number[]
}
export interface Thread {
  id: Id
  document: Id
  path: string
  start: Anchor
  end: Anchor
  quote: string
  resolved: Person | null
  resolved_at: Time | null
  created_at: Time
  comments: Comment[]
}
