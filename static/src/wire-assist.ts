// Types of what models do beside sessions on the wire: suggestions at the cursor, quick actions, commit messages.

import type { Anchor, Id } from './wire'

/** Who suggests, and how many milliseconds half of the newest answers took at most; or why nobody does. */
export interface Suggester {
  endpoint: string | null
  ms: number | null
  why: string
}
export type Quick = 'explain' | 'fix' | 'tests' | 'document'

export interface AssistOps {
  'ghost.about': [Record<string, never>, Suggester]
  // `stale`: a newer request of this tab took its place.
  'ghost.suggest': [{ document: Id; at: Anchor; request: number }, { text: string; stale: boolean; ms: number | null }]
  'ghost.drop': [{ request: number }, Record<string, never>]
  'quick.start': [
    {
      kind: Quick
      document: Id
      from: Anchor
      to: Anchor
      problem?: string
      session?: Id
      endpoint?: number
    },
    { turn: Id; session: Id },
  ]
  // Its text comes in events `commit.message`, to this tab only.
  'commit.write': [{ request: number; paths: string[] | null }, { text: string; files: number; cut: boolean }]
  'commit.stop': [{ request: number }, Record<string, never>]
}

export type AssistEvent = { type: 'commit.message'; request: number; text: string }
