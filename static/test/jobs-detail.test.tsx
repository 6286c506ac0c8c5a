import { cleanup, render, screen } from '@testing-library/preact'
import { afterEach, expect, it } from 'vitest'
import { Steps } from '../src/jobs/detail/steps'
import type { Job } from '../src/wire'
import { aJob } from './a-job'

afterEach(cleanup)

it.each<[Partial<Job>, RegExp]>([
  [{ state: 'queued' }, /not been taken up by a worker/],
  [{ state: 'running', started_at: '2026-11-22T18:00:00Z' }, /at its first step/],
  [{ state: 'cancelled', started_at: '2026-11-22T18:00:00Z' }, /ended before a step was done/],
])('a job without steps says why: %o', (part, text) => {
  render(<Steps job={{ ...aJob(part), steps: [], events: [] }} />)
  expect(screen.getByText(text)).toBeTruthy()
})
