import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply, applyAll, fromSnapshot, hasGap, meet, runningTurn, withOlder } from '../src/sessions/state'
import { rowsOf, sectionsOf } from '../src/sessions/transcript/rows'
import type { SessionEvent } from '../src/wire'
import { Host, turnOf } from './sessions-host'

const acts: fc.Arbitrary<(host: Host) => void> = fc.oneof(
  fc.constant((host: Host) => host.start()),
  fc.constant((host: Host) => host.item('model', { text: '' })),
  fc.constant((host: Host) => host.item('tool', { name: 'read', input: 'a', output: '', ok: null, seconds: 0 })),
  fc.constant((host: Host) => host.item('person', { text: 'rather so', steer: true, taken: false })),
  fc.constant((host: Host) => host.item('note', { text: 'Note.', tone: 'info' })),
  fc.constant((host: Host) => host.complete()),
  fc.constant((host: Host) => host.first && !host.running && host.note(host.first)),
  fc.string().map((text) => (host: Host) => host.grow(text)),
  fc.nat(9999).map((tokens) => (host: Host) => host.speed(tokens)),
  fc.constantFrom('completed', 'interrupted', 'failed').map((state) => (host: Host) => host.end(state as 'completed')),
)
const lives = fc.array(acts, { maxLength: 60 })

function lived(list: ((host: Host) => void)[], host = new Host()): Host {
  for (const act of list) act(host)
  return host
}

describe('a session in the browser', () => {
  test('an old snapshot and the events since equal a fresh snapshot', () => {
    fc.assert(
      fc.property(lives, lives, (before, after) => {
        const host = lived(before)
        const old = host.snapshot()
        lived(after, host)
        expect(applyAll(fromSnapshot(old), host.events)).toEqual(fromSnapshot(host.snapshot()))
      }),
    )
  })

  test('so it is where only the newest items were loaded, and pages before them fit on', () => {
    fc.assert(
      fc.property(lives, lives, fc.integer({ min: 1, max: 9 }), (before, after, most) => {
        const host = lived(before)
        let view = fromSnapshot(host.snapshot(most))
        lived(after, host)
        view = applyAll(view, host.events)
        const whole = fromSnapshot(host.snapshot())
        const shown = view.items.length
        expect(view.items).toEqual(shown ? whole.items.slice(-shown) : view.more ? [] : whole.items)
        for (let first = view.items[0]; view.more && first; first = view.items[0]) {
          view = withOlder(view, host.older(first.id, most))
        }
        expect(view).toEqual(whole)
      }),
    )
  })

  test('the order and number of arrivals do not matter', () => {
    const shuffled = lives.chain((list) => {
      const { events } = lived(list)
      return fc
        .shuffledSubarray([...events, ...events], { minLength: 2 * events.length })
        .map((mixed) => ({ events, mixed }))
    })
    fc.assert(
      fc.property(shuffled, ({ events, mixed }) => {
        const empty = fromSnapshot(new Host().snapshot())
        const one = mixed.reduce<ReturnType<typeof fromSnapshot>>((view, event) => apply(view, event), empty)
        expect(one).toEqual(applyAll(empty, events))
      }),
    )
  })

  test('an event behind a missing one is held, and applied when the missing one comes', () => {
    const host = lived([(h) => h.start(), (h) => h.item('model', { text: '' }), (h) => h.grow('a'), (h) => h.grow('b')])
    const lost = host.events.at(-2) as SessionEvent
    const view = applyAll(
      fromSnapshot(new Host().snapshot()),
      host.events.filter((event) => event !== lost),
    )
    expect(hasGap(view)).toBe(true)
    expect(view.seq).toBe(lost.seq - 1)
    expect(apply(view, lost)).toEqual(fromSnapshot(host.snapshot()))
  })

  test('a snapshot that is older than what is known changes nothing', () => {
    const host = lived([(h) => h.start()])
    const old = host.snapshot()
    lived([(h) => h.item('model', { text: 'new' })], host)
    const view = applyAll(fromSnapshot(old), host.events)
    expect(meet(view, old)).toBe(view)
  })

  test('a newer snapshot takes over, with the events held for later on top of it', () => {
    const host = lived([(h) => h.start(), (h) => h.item('model', { text: '' })])
    const view = fromSnapshot(new Host().snapshot())
    const middle = host.snapshot()
    lived([(h) => h.grow('x')], host)
    const late = host.events.at(-1) as SessionEvent
    expect(meet(apply(view, late), middle)).toEqual(fromSnapshot(host.snapshot()))
  })

  test('folding leaves the view it started from as it was', () => {
    const host = lived([(h) => h.start(), (h) => h.item('model', { text: 'a' })])
    const view = fromSnapshot(host.snapshot())
    const kept = structuredClone(view)
    lived([(h) => h.grow('b'), (h) => h.complete(), (h) => h.end('completed')], host)
    applyAll(view, host.events)
    expect(view).toEqual(kept)
  })

  test('an event of another session is not taken', () => {
    const view = fromSnapshot(new Host().snapshot())
    const event: SessionEvent = { session: 'other', seq: 1, type: 'turn.started', turn: turnOf('t') }
    expect(apply(view, event)).toBe(view)
  })

  test('the running turn is the newest that runs', () => {
    const host = lived([(h) => h.start(), (h) => h.end('completed'), (h) => h.start()])
    expect(runningTurn(fromSnapshot(host.snapshot()))?.id).toBe(host.running?.id)
    host.end('failed')
    expect(runningTurn(fromSnapshot(host.snapshot()))).toBeNull()
  })
})

describe('rows of the transcript', () => {
  const rows = (list: ((host: Host) => void)[]) => rowsOf(fromSnapshot(lived(list).snapshot()))

  test('only the turn that has changed is put together again', () => {
    const host = lived([(h) => h.start(), (h) => h.end('completed'), (h) => h.start()])
    const view = fromSnapshot(host.snapshot())
    const before = sectionsOf(view)
    const seen = host.events.length
    host.item('model', { text: 'a' })
    const after = sectionsOf(applyAll(view, host.events.slice(seen)), before)
    expect(after[0]).toBe(before[0])
    expect(after[1]).not.toBe(before[1])
    expect(after.map((section) => section.rows.length)).toEqual([1, 2])
  })

  test('what a fork has copied is not taken back here', () => {
    const copied = { path: 'a.py', document: 'd', added: 1, removed: 0, copied: true }
    const found = rows([(h) => h.start(), (h) => h.item('edit', copied), (h) => h.end('completed')])
    expect(found.some((row) => row.kind === 'back')).toBe(false)
  })

  test('tools and edits between two texts are one card', () => {
    const read = { name: 'read', input: '', output: '', ok: true, seconds: 0.1 }
    const edit = { path: 'a.py', document: 'd', added: 1, removed: 0 }
    const found = rows([
      (h) => h.start(),
      (h) => h.item('model', { text: 'first' }),
      (h) => h.item('tool', read),
      (h) => h.item('edit', edit),
      (h) => h.item('model', { text: 'then' }),
    ])
    const model = found.find((row) => row.kind === 'model')
    expect(model?.kind === 'model' && model.parts.map((part) => part.kind)).toEqual(['text', 'card', 'text'])
  })

  test('a turn that has not said anything shows that it runs', () => {
    expect(rows([(h) => h.start()]).at(-1)).toMatchObject({ kind: 'model', live: true, parts: [] })
  })

  test('after a steer the answer goes on in a row of its own, without the figures again', () => {
    const found = rows([
      (h) => h.start(),
      (h) => h.item('model', { text: 'a' }),
      (h) => h.item('person', { text: 'b', steer: true }),
      (h) => h.item('model', { text: 'c' }),
    ])
    expect(found.map((row) => row.kind)).toEqual(['person', 'model', 'person', 'model'])
    expect(found.filter((row) => row.kind === 'model').map((row) => row.kind === 'model' && row.headed)).toEqual([
      true,
      false,
    ])
  })

  test('a failed turn says why and offers what was asked again', () => {
    const last = rows([(h) => h.start(), (h) => h.end('failed')]).at(-1)
    expect(last).toMatchObject({ kind: 'note', tone: 'bad', text: 'It broke.', retry: { data: { text: 'ask 1' } } })
  })

  test('the note the host wrote is not said twice', () => {
    const found = rows([
      (h) => h.start(),
      (h) => h.item('note', { text: 'It broke.', tone: 'bad' }),
      (h) => h.end('failed'),
    ])
    expect(found.filter((row) => row.kind === 'note')).toHaveLength(1)
    expect(found.at(-1)).toMatchObject({ retry: { kind: 'person' } })
  })

  test('an interrupted turn has a note and nothing to retry', () => {
    expect(rows([(h) => h.start(), (h) => h.end('interrupted')]).at(-1)).toMatchObject({ kind: 'note', retry: null })
  })

  test('a turn that wrote in files can be taken back once it has ended, and then brought back', () => {
    const edit = (h: Host) => h.item('edit', { path: 'a.py', document: 'd', added: 1, removed: 0 })
    expect(rows([(h) => h.start(), edit]).filter((row) => row.kind === 'back')).toEqual([])
    expect(rows([(h) => h.start(), edit, (h) => h.end('completed')]).at(-1)).toMatchObject({
      kind: 'back',
      undone: false,
    })
    const undone = rows([
      (h) => h.start(),
      edit,
      (h) => h.item('note', { text: 'Ada took it back.', tone: 'info', undo: 'u', undone: true }),
      (h) => h.end('completed'),
    ])
    expect(undone.at(-1)).toMatchObject({ kind: 'back', undone: true })
    expect(rows([(h) => h.start(), (h) => h.end('completed')]).some((row) => row.kind === 'back')).toBe(false)
  })
})
