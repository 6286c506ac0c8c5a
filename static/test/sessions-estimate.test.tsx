import { signal } from '@preact/signals'
import { cleanup, render, screen, waitFor } from '@testing-library/preact'
import { afterEach, describe, expect, test } from 'vitest'
import { Estimate } from '../src/sessions/composer/estimate'
import { figures } from '../src/sessions/figures'
import { applyAll, fromSnapshot } from '../src/sessions/state'
import { words } from '../src/ui/words/sessions'
import type { Context as Counted } from '../src/wire'
import type { Live } from '../src/workspace/live'
import { Host, turnOf } from './sessions-host'

afterEach(cleanup)

function show(counted: Counted, text = 'Explain this') {
  const calls: unknown[] = []
  const call = async (method: string, params: unknown) => {
    calls.push([method, params])
    return counted
  }
  const live = { call, connection: signal('live') } as unknown as Live
  const made = (said: string) => <Estimate live={live} session="s" text={said} mentions={[]} endpoint={7} />
  const { rerender } = render(made(text))
  return { calls, write: (said: string) => rerender(made(said)) }
}

const whole = { parts: [], total: 3120, compact_at: 70, lean: false }
const fits: Counted = { tokens: 3120, window: 128_000, reply: 4096, cost: 0.0042, priced: true, ...whole }

describe('what sending takes', () => {
  test('is counted once typing pauses, and shown with its cost', async () => {
    const { calls, write } = show(fits, 'Ex')
    write('Expl')
    write('Explain this')
    const shown = await screen.findByText('≈ 3.1k of 128k · $0.004')
    expect(shown.closest('button')?.classList.contains('warn')).toBe(false)
    expect(calls).toEqual([['context.show', { session: 's', endpoint: 7, text: 'Explain this', mentions: [] }]])
    write('')
    await waitFor(() => expect(calls.length).toBe(2))
    expect(screen.getByText(/128k/)).toBeTruthy()
  })

  test('has no cost where prices are not known, and turns amber near the limit', async () => {
    show({ ...fits, tokens: 100_000, cost: 0, priced: false })
    const shown = await screen.findByText('≈ 100k of 128k')
    expect(shown.closest('button')?.classList.contains('warn')).toBe(true)
  })

  test('says when it does not fit', async () => {
    show({ ...fits, tokens: 127_000 })
    expect((await screen.findByRole('status')).textContent).toBe(words.estimateOver(127_000, 128_000))
  })
})

test('an ended turn tells its tokens and cost, one without prices only its tokens', () => {
  const turn = turnOf('t', { state: 'completed', input_tokens: 12_400, output_tokens: 940, cost: 0.031 })
  expect(figures(turn)).toBe('12k in, 940 out · $0.031')
  expect(figures({ ...turn, cost: null })).toBe('12k in, 940 out')
  expect(figures({ ...turn, state: 'running' })).toBe('')
})

test('a steer moves behind what was said before it was taken', () => {
  const host = new Host()
  host.start()
  host.item('person', { text: 'shorter', steer: true, taken: false })
  host.item('model', { text: 'first part' })
  const view = applyAll(fromSnapshot(new Host().snapshot()), host.events)
  const steer = view.items[1]
  if (!steer) throw new Error('no steer')
  const moved = { ...steer, position: 3, data: { text: 'shorter', steer: true, taken: true } } as typeof steer
  const event = { session: 's', seq: view.seq + 1, type: 'item.completed' as const, item: moved }
  expect(applyAll(view, [event]).items.map((item) => item.id)).toEqual([view.items[0]?.id, view.items[2]?.id, steer.id])
})
