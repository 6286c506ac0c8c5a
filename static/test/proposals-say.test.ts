import { signal } from '@preact/signals'
import { afterEach, describe, expect, test } from 'vitest'
import { announceRegions } from '../src/documents/proposals/say'
import { words } from '../src/ui/words/sessions'
import type { Event, Proposal, Region } from '../src/wire'
import { ana, ben, turnOf } from './sessions-host'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function followed() {
  const listeners = new Set<(event: Event) => void>()
  const regions = signal<ReadonlyMap<string, Region>>(new Map())
  const proposals = signal<ReadonlyMap<string, Proposal>>(new Map())
  const live = {
    me: { ...ana, username: 'ana', staff: false, site: '', version: '' },
    on: (fn: (event: Event) => void) => {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
  }
  stops.push(announceRegions(live, { proposals, regions }))
  const write = (owner: Region['owner']) => {
    const region: Region = { turn: 't', document: 'd', path: 'a.py', from: '0', to: '1', owner }
    regions.value = new Map([['t/d', region]])
  }
  const end = (state: 'completed' | 'failed', owner = ana) => {
    const turn = turnOf('t', { state, owner, error: state === 'failed' ? 'No answer.' : '' })
    for (const listener of listeners) listener({ session: 's', seq: 1, type: 'turn.ended', turn })
  }
  return { write, end }
}

const region = () => document.querySelector('[role=status]')
const said = () => region()?.textContent?.trim() ?? ''

describe('what a screen reader hears of a turn', () => {
  test('where it writes, and that it has finished', () => {
    const { write, end } = followed()
    write(ana)
    expect(said()).toBe(words.says.started('a.py'))
    end('completed')
    expect(said()).toBe(words.says.finished('a.py', 0))
    expect(region()?.getAttribute('aria-live')).toBe('polite')
  })

  test('an answer without an edit, and a failure with its reason', () => {
    const { end } = followed()
    end('completed')
    expect(said()).toBe(words.says.answered)
    end('failed')
    expect(said()).toBe(words.says.failed('No answer.'))
  })

  test("nothing of other people's turns", () => {
    const { write, end } = followed()
    const before = said()
    write(ben)
    end('completed', ben)
    expect(said()).toBe(before)
  })
})
