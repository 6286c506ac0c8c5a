import type { Job } from '../src/wire'

/** A job of the wire, for tests. */
export function aJob(part: Partial<Job> = {}): Job {
  return {
    ...{
      id: 'a',
      kind: 'map',
      state: 'running',
      instruction: 'Add docstrings',
      paths: [],
      owner: null,
      endpoint: 'fast',
    },
    ...{
      builtin: false,
      question: '',
      pausing: false,
      budget: {},
      worked_seconds: 0,
      cost: 0,
      phase: '',
      done: 0,
      total: 0,
    },
    ...{
      failed: 0,
      input_tokens: 0,
      output_tokens: 0,
      error: '',
      created_at: '2026-11-22T18:00:00Z',
      started_at: null,
    },
    ...{ ended_at: null, added: 0, removed: 0, files: 0 },
    ...part,
  }
}
