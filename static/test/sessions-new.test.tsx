import { signal } from '@preact/signals'
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact'
import { afterEach, describe, expect, test } from 'vitest'
import { Composer } from '../src/sessions/composer/composer'
import { draftOf } from '../src/sessions/storage'
import { Sessions, type Wire } from '../src/sessions/store'
import type { Live } from '../src/workspace/live'
import { ana, Host, summaryOf } from './sessions-host'

afterEach(() => {
  cleanup()
  sessionStorage.clear()
})

/** A workspace on whose session `old` one looks; new ones come when they are let come. */
async function workspace() {
  const calls: [string, { session?: string; text?: string }][] = []
  const births: { resolve: (id: string) => void; reject: (why: Error) => void }[] = []
  const call = async (method: string, params: { session?: string }) => {
    calls.push([method, params])
    if (method === 'session.open') {
      const snapshot = new Host().snapshot()
      return { snapshot: { ...snapshot, session: summaryOf(params.session ?? '') } }
    }
    if (method !== 'session.create') return {}
    const id = await new Promise<string>((resolve, reject) => births.push({ resolve, reject }))
    return { session: summaryOf(id) }
  }
  const wire = { id: 'w', me: ana, snapshot: signal(null), call, on: () => () => {} } as unknown as Wire
  const documents = { active: signal(null), tabs: signal([]) }
  const endpoint = { id: 7, name: 'fast', images: true, builtin: false, scripted: false, drives_tools: true }
  const models = signal({ endpoints: [endpoint], default: 7, advice: '' })
  const parts = { role: signal('editor'), models, connection: signal('live'), documents }
  const live = { ...wire, ...parts } as unknown as Live
  const sessions = new Sessions(wire)
  await sessions.open('old')
  const Place = () => {
    const id = sessions.current.value
    return <Composer key={sessions.composerOf(id)} live={live} sessions={sessions} running={null} session={id} />
  }
  render(<Place />)
  const box = () => screen.getByRole('textbox') as HTMLTextAreaElement
  const write = (value: string) => fireEvent.input(box(), { target: { value } })
  const count = (method: string) => calls.filter(([name]) => name === method).length
  return { sessions, calls, births, box, write, count }
}

describe('a session that is about to be', () => {
  test('has what is typed after the press; the old one keeps what was typed before', async () => {
    const { sessions, births, box, write } = await workspace()
    write('for the old one')
    await waitFor(() => expect(draftOf('w', 'old').text).toBe('for the old one'))
    const made = sessions.create()
    await waitFor(() => expect(box().value).toBe(''))
    const awaited = box()
    awaited.focus()
    write('for the new one')
    births[0]!.resolve('born')
    await made
    await waitFor(() => expect(draftOf('w', 'born').text).toBe('for the new one'))
    expect(box(), 'the caret stays where it is').toBe(awaited)
    expect(document.activeElement).toBe(awaited)
    expect(draftOf('w', null).text).toBe('')
    await sessions.open('old')
    await waitFor(() => expect(box().value).toBe('for the old one'))
  })

  test('is asked what is sent before it is there, and there is one of it', async () => {
    const { sessions, calls, births, box, write, count } = await workspace()
    const made = sessions.create()
    await waitFor(() => expect(box().value).toBe(''))
    write('count')
    fireEvent.keyDown(box(), { key: 'Enter' })
    births[0]!.resolve('born')
    await made
    await waitFor(() => expect(count('turn.start')).toBe(1))
    expect(calls.find(([name]) => name === 'turn.start')?.[1]).toMatchObject({ session: 'born', text: 'count' })
    expect(count('session.create')).toBe(1)
    await waitFor(() => expect(box().value).toBe(''))
    await waitFor(() => expect(draftOf('w', 'born').text).toBe(''))
  })

  test('comes to nothing: the one before is back, and what was typed is there at the next try', async () => {
    const { sessions, births, box, write } = await workspace()
    const made = sessions.create()
    await waitFor(() => expect(box().value).toBe(''))
    write('not lost')
    await waitFor(() => expect(draftOf('w', null).text).toBe('not lost'))
    births[0]!.reject(new Error('no'))
    await expect(made).rejects.toThrow('no')
    expect(sessions.current.value).toBe('old')
    await waitFor(() => expect(box().value).toBe(''))
    void sessions.create()
    await waitFor(() => expect(box().value).toBe('not lost'))
  })

  test('does not take the screen from another that was opened meanwhile, and has its draft', async () => {
    const { sessions, births, box, write } = await workspace()
    const made = sessions.create()
    await waitFor(() => expect(box().value).toBe(''))
    write('later')
    await waitFor(() => expect(draftOf('w', null).text).toBe('later'))
    await sessions.open('other')
    births[0]!.resolve('born')
    await made
    expect(sessions.current.value).toBe('other')
    expect(draftOf('w', 'born').text).toBe('later')
    expect(draftOf('w', null).text).toBe('')
  })

  test('two in a row have a composer each', async () => {
    const { sessions, births, box, write } = await workspace()
    const first = sessions.create()
    births[0]!.resolve('one')
    await first
    write('first')
    await waitFor(() => expect(draftOf('w', 'one').text).toBe('first'))
    const second = sessions.create()
    await waitFor(() => expect(box().value).toBe(''))
    births[1]!.resolve('two')
    await second
    expect(draftOf('w', 'one').text).toBe('first')
    expect(draftOf('w', 'two').text).toBe('')
  })
})

describe('the session that is shown at first', () => {
  test('is the newest that people talk in, not one for edits in place', async () => {
    const asked: (string | undefined)[] = []
    const sessions = [
      summaryOf('edits', { inline: true, active_at: '2026-11-22T16:00:00Z' }),
      summaryOf('talk', { active_at: '2026-11-22T15:00:00Z' }),
    ]
    const call = async (_: string, params: { session?: string }) => {
      asked.push(params.session)
      return { snapshot: { ...new Host().snapshot(), session: summaryOf(params.session ?? '') } }
    }
    const opened = (list: typeof sessions) => {
      const snapshot = signal({ sessions: list })
      return new Sessions({ id: 'w', me: ana, snapshot, call, on: () => () => {} } as unknown as Wire)
    }
    opened(sessions)
    await waitFor(() => expect(asked).toEqual(['talk']))
    sessionStorage.clear()
    localStorage.clear()
    const fresh = opened(sessions.slice(0, 1))
    expect(fresh.current.peek(), 'a first question makes one').toBe(null)
    expect(asked).toEqual(['talk'])
  })
})
