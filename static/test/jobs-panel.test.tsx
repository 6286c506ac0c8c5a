import { signal } from '@preact/signals'
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/preact'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { delegating } from '../src/jobs/delegate/begin'
import { JobsPanel } from '../src/jobs/panel'
import { JobsSide } from '../src/jobs/side'
import { counts } from '../src/jobs/state'
import type { Endpoint, Event, Job, Models, Role } from '../src/wire'
import { listCommands } from '../src/workspace/commands'
import { side } from '../src/workspace/layout'
import { type Live, live } from '../src/workspace/live'
import { go } from '../src/workspace/route'

const endpoint: Endpoint = {
  id: 1,
  name: 'small',
  model: 'm',
  builtin: true,
  scripted: false,
  drives_tools: false,
  window: 2048,
  resting_until: null,
  problem: '',
}
const models: Models = { endpoints: [endpoint], default: 1, advice: 'Connect a better one.' }

function job(part: Partial<Job>): Job {
  return {
    id: 'a',
    kind: 'map',
    state: 'running',
    instruction: 'Add docstrings',
    paths: [],
    owner: null,
    endpoint: 'small',
    builtin: true,
    question: '',
    pausing: false,
    budget: {},
    worked_seconds: 0,
    cost: 0,
    phase: 'app.py: total',
    done: 1,
    total: 4,
    failed: 0,
    input_tokens: 0,
    output_tokens: 0,
    error: '',
    created_at: '2026-11-22T18:00:00Z',
    started_at: null,
    ended_at: null,
    added: 0,
    removed: 0,
    files: 0,
    ...part,
  }
}

/** A workspace as the panel sees it: what it was told at first, and a way to tell it more. */
function join(jobs: Job[], role: Role = 'editor') {
  const listeners = new Set<(event: Event) => void>()
  const snapshot = { role, people: [], sessions: [], jobs, proposals: [], regions: [], models }
  const home = {
    id: 'w',
    role: signal(role),
    models: signal(models),
    snapshot: signal(snapshot),
    documents: { active: signal(null), tabs: signal([]) },
    on: (fn: (event: Event) => void) => {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
  }
  live.value = home as unknown as Live
  return (event: Event) =>
    act(() => {
      for (const listener of listeners) listener(event)
    })
}

beforeEach(() => {
  delegating.value = false
})
afterEach(() => {
  cleanup()
  live.value = null
})

describe('the panel of jobs', () => {
  it('follows a job from work to review', () => {
    const tell = join([job({})])
    render(<JobsPanel />)
    expect(screen.getByRole('progressbar', { name: '1 of 4' })).toBeTruthy()
    expect(counts.value.badge).toBe(1)
    tell({ type: 'job', job: job({ state: 'review', done: 4, added: 42, removed: 7 }) })
    expect(screen.queryByRole('progressbar')).toBeNull()
    expect(screen.getByRole('button', { name: 'Review +42 −7' })).toBeTruthy()
  })

  it('lets a viewer see and not stop', () => {
    join([job({})], 'viewer')
    render(<JobsPanel />)
    expect(screen.getByText('Add docstrings')).toBeTruthy()
    expect(screen.queryByRole('button', { name: /Stop/ })).toBeNull()
  })

  it('says what a job is when there is none', () => {
    join([])
    render(<JobsPanel />)
    expect(screen.getByText('No jobs yet')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Delegate' }))
    expect([delegating.value, side.value]).toEqual([true, 'jobs'])
    expect(screen.queryByRole('button', { name: 'Delegate' })).toBeNull() // the form is open
  })

  it('does not offer a viewer to delegate', () => {
    join([], 'viewer')
    render(<JobsPanel />)
    expect(screen.queryByRole('button', { name: 'Delegate' })).toBeNull()
  })

  it.each<[Partial<Job>, string, string]>([
    [{ state: 'merged', files: 2, added: 5 }, 'Show what came of “Add docstrings”', '/w/w/review/a'],
    [{ state: 'discarded', files: 2, added: 5 }, 'Show what came of “Add docstrings”', '/w/w/review/a'],
    [{ state: 'merged' }, 'Show the job “Add docstrings”', '/w/w/jobs/a'],
    [{ state: 'failed' }, 'Show the job “Add docstrings”', '/w/w/jobs/a'],
    [{ state: 'cancelled' }, 'Show the job “Add docstrings”', '/w/w/jobs/a'],
  ])('shows a job that is over, and does not ask to review it: %o', (part, name, path) => {
    for (const role of ['editor', 'viewer'] as const) {
      go('/w/w')
      join([job(part)], role)
      render(<JobsPanel />)
      expect(screen.queryByRole('button', { name: /^Review/ })).toBeNull()
      const button = screen.getByRole('button', { name })
      expect(button.textContent).toBe('Show')
      fireEvent.click(button)
      expect(location.pathname).toBe(path)
      cleanup()
    }
  })

  it('shows why a job failed, with hidden characters made visible', () => {
    join([job({ state: 'failed', error: 'stopped\u202e here' })])
    render(<JobsPanel />)
    expect(screen.getByText(/stopped‹202E› here/)).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Retry the job “Add docstrings”' })).toBeTruthy()
  })
})

describe('delegating', () => {
  it('says what is missing, and why a free task cannot be chosen', () => {
    join([])
    render(<JobsSide />)
    fireEvent.click(screen.getByRole('button', { name: 'Delegate' }))
    const form = screen.getByRole('form', { name: 'Delegate a job' })
    fireEvent.submit(form)
    expect(within(form).getByText('Say what should be done.')).toBeTruthy()
    expect(within(form).getByText('Choose at least one file.')).toBeTruthy()
    expect(within(form).getByText('Needs a model that can use tools. small cannot.')).toBeTruthy()
    expect(within(form).getByRole<HTMLInputElement>('radio', { name: /Free task/ }).disabled).toBe(true)
  })

  it('fills in the instruction of the preset', () => {
    join([])
    render(<JobsSide />)
    fireEvent.click(screen.getByRole('button', { name: 'Delegate' }))
    fireEvent.click(screen.getByRole('button', { name: 'Add a docstring to every function' }))
    const field = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'What should be done?' })
    expect(field.value).toBe('Add a docstring to every function.')
  })

  it('is a command of the palette for those who may', () => {
    join([], 'viewer')
    expect(listCommands().map((one) => one.id)).not.toContain('job.delegate')
    join([], 'editor')
    expect(listCommands().map((one) => one.id)).toContain('job.delegate')
  })
})
