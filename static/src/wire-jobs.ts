// What people see and decide of a job's work: its files while it writes them, its result, its merge, its takeover.
import type { Id, Job, Person } from './wire'

/** A place in the result that cannot be merged before somebody has said so for that file by name. */
export type Flag = 'hook' | 'ci' | 'lock' | 'config' | 'git' | 'binary'
/** [from, to) in lines, from 0. */
export type Lines = [number, number]

export interface ReviewHunk {
  id: string
  base: Lines
  proposed: Lines
  // There already, still to be applied, or stale: people have changed the same lines since.
  state: 'there' | 'applies' | 'stale'
  current: Lines // what it would replace in `current`; where it is there: what it made; where it is stale: nearby
}
export interface ReviewFile {
  path: string
  status: 'added' | 'changed' | 'deleted'
  base: string
  proposed: string
  current: string // the open document or the file as it is now
  merged: string // `current` with everything that applies
  conflict: boolean // merging proposed into current would conflict
  flags: Flag[]
  text: boolean // false: no text, it is taken as it is
  hunks: ReviewHunk[]
}
export interface Review {
  job: Job
  head: Id // what is approved: a merge names it, and is refused once it is another
  branch: string // of the workspace, '' if none is checked out
  files: ReviewFile[]
  warnings: string[]
  merge: { by: Person | null; branch: string; commit: Id } | null // how it was merged
}
/** POST /jobs/<id>/remarks: what should be different; the job goes on with it. `side`: whose lines are named. */
export interface ReviewComments {
  head: Id
  comments: { path: string; text: string; side?: 'base' | 'proposed'; lines?: Lines }[]
}
/** POST /jobs/<id>/merge. A refusal of code `unconfirmed` or `conflict` has `files`. */
export interface MergeWish {
  head: Id
  files?: string[] // all, where none are named
  hunks?: Record<string, string[]> // by path, the ids of those that are taken; a file that is not named: all of them
  confirmed?: string[] // flagged files that may be merged
  // Onto this branch, as a commit with `message`: the one checked out goes into the documents as well; '' or absent:
  // into the documents only.
  branch?: string
  message?: string
  conflicts?: 'refuse' | 'editor' // where people changed the same lines: nothing is merged, or they decide in the editor
}

/** GET and PUT /workspaces/<id>/rules/worktrees; `env` has the names only, a PUT has values: null keeps the one there is. */
export interface WorktreeRules {
  setup_command: string
  env: string[]
  egress: string[]
}

/** A file of a running job, followed by who watches it. `text` comes with the first, a splice with the others. */
export interface JobFile {
  job: Id
  path: string
  seq: number // rising by one; after a gap: watch again
  text?: string
  splice?: [at: number, remove: number, insert: string] // in UTF-16 units
  gone?: boolean // it was deleted
}

export interface JobOps {
  // A plan that waits: the job carries it out. Other steps: it carries out these; one at work hears of them.
  'job.plan.approve': [{ job: Id }, { job: Job }]
  'job.plan.edit': [{ job: Id; steps: string[] }, { job: Job }]
  // From here on `job.file` events of this path come to this tab. Without a path: the files it has written, newest first.
  'job.watch': [{ job: Id; path: string }, JobFile & { text: string }]
  'job.files': [{ job: Id }, { files: { path: string; at: string; gone: boolean }[] }]
  'job.unwatch': [{ job: Id; path: string }, Record<string, never>]
  // Its work is laid out in the documents as proposals once it has stopped at a step; others see who has it.
  'job.takeover': [{ job: Id }, { job: Job }]
  'job.giveback': [{ job: Id; text?: string }, { job: Job }] // it goes on from what the person made of it
}
export type JobNews = { type: 'job.file' } & JobFile
