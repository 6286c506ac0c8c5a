import { cleanup, render, screen } from '@testing-library/preact'
import { afterEach, describe, expect, it } from 'vitest'
import type { Workspace } from '../src/wire'
import { matching, pace } from '../src/workspace/home'
import { Row, shareIn } from '../src/workspace/home-row'
import { givable, mayShare } from '../src/workspace/share'

function workspace(part: Partial<Workspace> = {}): Workspace {
  return {
    id: 'w1',
    name: 'shop-api',
    role: 'owner',
    source: 'git',
    origin: 'https://example.org/team/shop-api.git',
    state: 'ready',
    progress: '',
    problem: '',
    active_at: '2026-11-22T18:00:00Z',
    people_now: [],
    jobs_running: 0,
    to_review: 0,
    ...part,
  }
}
const row = (part: Partial<Workspace>) =>
  render(<Row workspace={workspace(part)} onChanged={() => undefined} onRemove={() => undefined} />)

afterEach(cleanup)

describe('a row of Home', () => {
  it('leads into the workspace and tells who is there and what is going on', () => {
    row({ people_now: [{ id: 1, name: 'Ana', colour: 1 }], jobs_running: 2, to_review: 1 })
    expect(screen.getByRole('link', { name: 'shop-api' }).getAttribute('href')).toBe('/w/w1')
    expect(screen.getByRole('img', { name: 'Here now: Ana' })).toBeTruthy()
    expect(screen.getByTitle('2 jobs running')).toBeTruthy()
    expect(screen.getByTitle('1 review waiting')).toBeTruthy()
  })

  it('cannot be opened while it is being made, and shows how far that is', () => {
    row({ state: 'creating', progress: 'Receiving objects: 45 %' })
    expect(screen.queryByRole('link')).toBeNull()
    expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('45')
    expect(screen.getByRole('status').textContent).toBe('Receiving objects: 45 %')
  })

  it('says why it could not be made, and what can be done', () => {
    row({ state: 'failed', problem: 'The repository does not exist.' })
    expect(screen.getByText(/The repository does not exist\./)).toBeTruthy()
    expect(screen.getAllByRole('button').map((one) => one.textContent)).toEqual(['Retry', 'Remove'])
  })

  it('offers no retry of an upload, whose file is gone', () => {
    row({ state: 'failed', source: 'upload', problem: 'It holds a link.' })
    expect(screen.getAllByRole('button').map((one) => one.textContent)).toEqual(['Remove'])
  })
})

describe('the list of Home', () => {
  const list = [
    workspace({ id: 'old', name: 'notes', origin: '', active_at: '2026-11-01T00:00:00Z' }),
    workspace({ id: 'new', name: 'Shop' }),
  ]

  it('finds by name and origin, whatever the case, the last active first', () => {
    expect(matching(list, '').map((one) => one.id)).toEqual(['new', 'old'])
    expect(matching(list, 'SHOP team').map((one) => one.id)).toEqual(['new'])
    expect(matching(list, 'nothing')).toEqual([])
  })

  it('is asked for every second only while something is being made', () => {
    expect(pace(list)).toBeGreaterThan(5000)
    expect(pace([...list, workspace({ state: 'creating' })])).toBe(1000)
  })

  it.each([
    ['Receiving objects: 45 % (4,521 of 10,046)', 0.45],
    ['Resolving deltas: 100%', 1],
    ['Connecting', null],
  ])('reads the share in “%s”', (progress, share) => {
    expect(shareIn(progress)).toBe(share)
  })
})

describe('sharing', () => {
  it('is for maintainers and owners, and nobody gives more than they have', () => {
    expect((['owner', 'maintainer', 'editor', 'viewer'] as const).filter(mayShare)).toEqual(['owner', 'maintainer'])
    expect(givable('maintainer')).toEqual(['maintainer', 'editor', 'commenter', 'viewer'])
  })
})
