import { signal } from '@preact/signals'
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact'
import { afterEach, describe, expect, test } from 'vitest'
import { ask, interrupt, mine, stopByKey, stoppable } from '../src/sessions/acts'
import { Composer } from '../src/sessions/composer/composer'
import { keepDraft } from '../src/sessions/storage'
import { Sessions, type Wire } from '../src/sessions/store'
import { words as told } from '../src/ui/words/composer'
import { words } from '../src/ui/words/sessions'
import type { Models, Role, Turn } from '../src/wire'
import type { Live } from '../src/workspace/live'
import { ana, ben, turnOf } from './sessions-host'

afterEach(() => {
  cleanup()
  sessionStorage.clear()
})

const models: Models = {
  endpoints: [
    {
      id: 7,
      name: 'fast',
      model: 'm',
      builtin: false,
      scripted: false,
      drives_tools: true,
      window: 8000,
      resting_until: null,
      problem: '',
    },
  ],
  default: 7,
  advice: '',
}

/** A workspace that keeps what it was asked; `refuse` makes it say no. */
function workspace({ role = 'editor', refuse = false }: { role?: Role; refuse?: boolean } = {}) {
  const calls: [string, unknown][] = []
  const documents = {
    active: signal({ path: signal('a.py'), selection: () => ({ from: 0, to: 0 }) }),
    tabs: signal([]),
  }
  const call = async (method: string, params: unknown) => {
    calls.push([method, params])
    if (refuse)
      throw Object.assign(new Error('Too late.'), { problem: { code: 'conflict', message: 'Too late.', do: '' } })
    return method === 'session.create'
      ? { session: { id: 'new', title: '', active_at: '', running: false, by: null } }
      : {}
  }
  const wire = { id: 'w', me: ana, snapshot: signal(null), call, on: () => () => {} } as unknown as Wire
  const parts = { role: signal(role), models: signal(models), connection: signal('live'), documents }
  const live = { ...wire, ...parts } as unknown as Live
  return { live, calls, sessions: new Sessions(wire) }
}

function show(options: Parameters<typeof workspace>[0] = {}, running: Turn | null = null) {
  const made = workspace(options)
  made.sessions.current.value = 's'
  render(<Composer live={made.live} sessions={made.sessions} running={running} session="s" />)
  const box = screen.getByRole('textbox') as HTMLTextAreaElement
  const write = (value: string) => fireEvent.input(box, { target: { value } })
  const enter = (more = {}) => fireEvent.keyDown(box, { key: 'Enter', ...more })
  return { ...made, box, write, enter }
}

describe('the composer', () => {
  test('Enter starts a turn with the endpoint and empties the box', async () => {
    const { box, write, enter, calls } = show()
    write(' add paging ')
    enter()
    await waitFor(() => expect(box.value).toBe(''))
    expect(calls).toEqual([['turn.start', { session: 's', text: 'add paging', mentions: [], endpoint: 7 }]])
  })

  test('Shift-Enter and the Enter of an input method do not send', () => {
    const { write, enter, calls } = show()
    write('a')
    enter({ shiftKey: true })
    enter({ isComposing: true })
    expect(calls).toEqual([])
  })

  test('while a turn runs Enter steers it, by its name', async () => {
    const { write, enter, calls } = show({}, turnOf('t9'))
    write('order by id')
    enter()
    await waitFor(() => expect(calls).toEqual([['turn.steer', { turn: 't9', text: 'order by id' }]]))
  })

  test('Stop interrupts, with nothing written', async () => {
    const { calls } = show({}, turnOf('t8'))
    fireEvent.click(screen.getByText(words.stop))
    await waitFor(() => expect(calls).toEqual([['turn.interrupt', { turn: 't8' }]]))
  })

  test('Stop and redirect is in the menu and takes the text', async () => {
    const { write, calls } = show({}, turnOf('t7'))
    write('the other way')
    fireEvent.click(screen.getByLabelText(words.more))
    fireEvent.click(screen.getByText(words.redirect))
    await waitFor(() => expect(calls).toEqual([['turn.redirect', { turn: 't7', text: 'the other way' }]]))
  })

  test('what was refused stays in the box', async () => {
    const { box, write, enter, calls } = show({ refuse: true })
    write('keep me')
    enter()
    await waitFor(() => expect(calls).toHaveLength(1))
    await waitFor(() => expect((screen.getByText(words.send) as HTMLButtonElement).disabled).toBe(false))
    expect(box.value).toBe('keep me')
  })

  test('a viewer reads why the box is closed', () => {
    const { box } = show({ role: 'viewer' })
    expect(box.disabled).toBe(true)
    expect(box.placeholder).toBe(words.why.role('viewer'))
  })

  /** Type as a person does: the text and where the caret is. */
  const type = (box: HTMLTextAreaElement, text: string) => {
    fireEvent.input(box, { target: { value: text } })
    box.setSelectionRange(text.length, text.length)
    fireEvent.keyUp(box, { key: text.at(-1) ?? '' })
  }

  test('@ at the start of a word offers the open file, which is sent along and named in the text', async () => {
    const { box, enter, calls } = show()
    type(box, 'what is @')
    expect(screen.getByRole('option', { name: /a\.py/ }).getAttribute('aria-selected')).toBe('true')
    expect(box.getAttribute('aria-activedescendant')).toBe('mention-option-0')
    enter()
    await waitFor(() => expect(box.value).toBe('what is @a.py '))
    expect(screen.queryByRole('listbox')).toBeNull()
    enter()
    await waitFor(() => expect(calls.filter(([name]) => name === 'turn.start')).toHaveLength(1))
    const sent = calls.find(([name]) => name === 'turn.start')
    expect(sent?.[1]).toMatchObject({ text: 'what is @a.py', mentions: [{ kind: 'file', path: 'a.py' }] })
  })

  test('@ inside a word is a character', () => {
    const { box } = show()
    type(box, 'mail me at ana@')
    expect(screen.queryByRole('listbox')).toBeNull()
  })

  test('Esc closes the list until another @ is typed, and stops nothing', () => {
    const { box, calls } = show({}, turnOf('t9'))
    type(box, '@')
    expect(fireEvent.keyDown(box, { key: 'Escape' })).toBe(false)
    expect(screen.queryByRole('listbox')).toBeNull()
    type(box, '@a')
    expect(screen.queryByRole('listbox')).toBeNull()
    type(box, '@a and @')
    expect(screen.getByRole('listbox')).toBeTruthy()
    expect(calls.filter(([name]) => name === 'turn.interrupt')).toEqual([])
  })

  test('where nothing fits Enter sends', async () => {
    const { box, enter, calls } = show()
    type(box, 'thanks @nobody')
    expect(screen.getByText(told.none('nobody'))).toBeTruthy()
    enter()
    await waitFor(() => expect(calls.some(([name]) => name === 'turn.start')).toBe(true))
  })

  test('a chip is taken away with its word, by its button or by Backspace before the text', async () => {
    const { box, enter } = show()
    type(box, 'read @')
    enter()
    fireEvent.click(await screen.findByLabelText(told.remove('a.py')))
    await waitFor(() => expect(box.value).toBe('read '))
    type(box, '@')
    enter()
    await screen.findByLabelText(told.remove('a.py'))
    box.setSelectionRange(0, 0)
    fireEvent.keyDown(box, { key: 'Backspace' })
    await waitFor(() => expect(screen.queryByLabelText(told.remove('a.py'))).toBeNull())
  })

  test('a draft is there again when the session is', () => {
    show().write('half a thought')
    cleanup()
    expect(show().box.value).toBe('half a thought')
  })
})

describe('interrupting', () => {
  test('twice in a row asks once', async () => {
    const { live, calls } = workspace()
    const answers = await Promise.all([interrupt(live, 't'), interrupt(live, 't')])
    expect(answers).toEqual([true, false])
    expect(calls).toHaveLength(1)
  })

  test('Esc means the newest turn this person started', () => {
    const { sessions } = workspace()
    const turns = [
      turnOf('old'),
      turnOf('new', { started_at: '2026-11-22T15:00:00Z' }),
      turnOf('hers', { owner: ben, started_at: '2026-11-22T16:00:00Z' }),
    ]
    sessions.running.value = new Map(turns.map((turn) => [turn.id, turn]))
    expect(mine(sessions, ana.id)?.id).toBe('new')
    expect(mine(sessions, 99)).toBeNull()
  })

  test('Esc stops what is still being sent as soon as it has an id', async () => {
    const { live, sessions, calls } = workspace()
    const sent = ask(live, sessions, { text: 'go', mentions: [] })
    expect(stoppable(sessions)).toBe(true)
    expect(stopByKey(live, sessions, false)).toBe(true)
    await sent
    await waitFor(() => expect(calls.some(([name]) => name === 'turn.interrupt')).toBe(true))
    expect(stopByKey(live, sessions, false)).toBe(false)
  })
})

describe('pictures', () => {
  const picture = new File(['x'], 'shot.png', { type: 'image/png' })
  const pasted = (data: string) => ({ clipboardData: { files: [picture], getData: () => data } })

  test('a model of text only refuses them with the reason, and offers one that sees', () => {
    models.endpoints[0]!.images = false
    models.endpoints.push({ ...models.endpoints[0]!, id: 8, name: 'sees', images: true })
    const { box, sessions } = show()
    expect(fireEvent.paste(box, pasted(''))).toBe(false)
    expect(screen.getByRole('alert').textContent).toContain(told.textOnly('fast'))
    fireEvent.click(screen.getByText(told.takeModel('sees')))
    expect(sessions.picked.value).toBe(8)
    models.endpoints.length = 1
    models.endpoints[0]!.images = null
  })

  test('text that comes with a picture is still pasted', () => {
    const { box } = show()
    expect(fireEvent.paste(box, pasted('text beside it'))).toBe(true)
  })

  test('what is no picture is refused with what to do', () => {
    const { box } = show()
    const form = box.closest('form')!
    const file = new File(['x'], 'report.pdf', { type: 'application/pdf' })
    fireEvent.drop(form, { dataTransfer: { files: [file], getData: () => '' } })
    expect(screen.getByRole('alert').textContent).toContain(told.notAPicture('report.pdf'))
    fireEvent.click(screen.getByLabelText(told.dismiss))
    expect(screen.queryByRole('alert')).toBeNull()
  })

  test('a draft keeps them, and a model of text only cannot be sent them', () => {
    keepDraft('w', 's', { text: 'look', mentions: [], pictures: [{ id: 'p', width: 3, height: 2 }] })
    models.endpoints[0]!.images = false
    show()
    expect(screen.getByRole('list', { name: told.pictures }).querySelector('img')?.src).toContain(
      '/api/workspaces/w/pictures/p',
    )
    expect(screen.getByText(told.blind('fast'))).toBeTruthy()
    expect((screen.getByText(words.send) as HTMLButtonElement).disabled).toBe(true)
    models.endpoints[0]!.images = null
  })

  test('they go with the message, and are gone from the draft', async () => {
    keepDraft('w', 's', { text: 'look', mentions: [], pictures: [{ id: 'p', width: 3, height: 2 }] })
    const { calls, enter } = show()
    enter()
    await waitFor(() => expect(calls.at(-1)?.[1]).toMatchObject({ text: 'look', pictures: ['p'] }))
    await waitFor(() => expect(screen.queryByRole('list', { name: told.pictures })).toBeNull())
  })

  test('a steer takes the text alone and says so; a redirect takes what is mentioned and shown along', async () => {
    const draft = {
      text: 'look',
      mentions: [{ kind: 'file' as const, path: 'a.py' }],
      pictures: [{ id: 'p', width: 3, height: 2 }],
    }
    keepDraft('w', 's', draft)
    const { calls, enter } = show({}, turnOf('t9'))
    expect(screen.getByText(told.steerAlone)).toBeTruthy()
    enter()
    await waitFor(() => expect(calls.at(-1)).toEqual(['turn.steer', { turn: 't9', text: 'look' }]))
    await waitFor(() => expect(screen.getByLabelText(told.remove('a.py'))).toBeTruthy())
    cleanup()
    keepDraft('w', 's', draft)
    const again = show({}, turnOf('t9'))
    again.enter({ ctrlKey: true })
    const along = { turn: 't9', text: 'look', mentions: draft.mentions, pictures: ['p'] }
    await waitFor(() => expect(again.calls.at(-1)).toEqual(['turn.redirect', along]))
    await waitFor(() => expect(screen.queryByLabelText(told.remove('a.py'))).toBeNull())
  })

  test('a file dragged from the tree is mentioned', async () => {
    const { box } = show()
    fireEvent.drop(box.closest('form')!, { dataTransfer: { files: [], getData: () => 'src/' } })
    expect(await screen.findByLabelText(told.remove('src/'))).toBeTruthy()
  })
})
