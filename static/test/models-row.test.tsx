import { signal } from '@preact/signals'
import { cleanup, render, screen, within } from '@testing-library/preact'
import { afterEach, describe, expect, it } from 'vitest'
import { UseCells } from '../src/models/limits-use'
import { Row } from '../src/models/row'
import type { Settings } from '../src/models/settings'
import { words } from '../src/ui/words/models'
import type { EndpointSettings } from '../src/wire'
import type { Limit, LimitUses } from '../src/wire-limits'

afterEach(cleanup)

const plain: EndpointSettings = {
  id: 3,
  name: 'SmolLM2',
  model: 'small',
  builtin: true,
  scripted: false,
  drives_tools: false,
  window: 8192,
  resting_until: null,
  problem: '',
  dialect: 'chat',
  base_url: '',
  scope: 'site',
  has_key: false,
  enabled: true,
  abilities: {},
  probed_at: null,
  extra: {},
  price: { input: 0, cached: 0, output: 0 },
  pool: 'deep',
  limit_concurrent: 0,
  limit_requests: 0,
  limit_tokens: 0,
  may_change: true,
}
const shown = (row: EndpointSettings) => {
  const settings = { tried: signal(new Set<number>()) } as unknown as Settings
  render(<Row row={row} settings={settings} onEdit={() => {}} />)
  return within(screen.getByRole('listitem'))
}

describe('the card of a model', () => {
  it('that ships with Tandem states what it can do, and offers nothing to find out', () => {
    const card = shown(plain)
    card.getByText(words.shippedCan)
    expect(card.queryByText(words.noAbilities)).toBeNull()
    expect(card.queryByText(/deep/)).toBeNull()
    expect(card.getAllByRole('button').map((one) => one.textContent)).toEqual([words.test])
  })
  it('that was added says that its abilities are unknown until they are found out', () => {
    const card = shown({ ...plain, builtin: false })
    card.getByText(words.noAbilities)
    card.getByText(/counts as deep/)
    card.getByRole('button', { name: words.probeOf('SmolLM2') })
  })
})

describe('what is used of a limit', () => {
  const limit: Limit = {
    key: 'person:||',
    of: 'person',
    team: null,
    person: null,
    endpoint: null,
    pool: '',
    kind: '',
    measure: 'tokens',
    span: 'day',
    amount: 4000,
    default: false,
  }
  const cells = (row: Limit, all: LimitUses | null) => {
    const uses = signal(all)
    render(
      <table>
        <tbody>
          <tr>
            <UseCells row={row} uses={uses} />
          </tr>
        </tbody>
      </table>,
    )
    return { uses, text: () => screen.getAllByRole('cell').map((one) => one.textContent) }
  }
  const used = { pool: 'fast', who: 'Ben', used: 3000, reserved: 500, met: 0 } as const
  const all = (one: Partial<typeof used> | object): LimitUses => ({
    set: '',
    frees: {},
    uses: { [limit.key]: [{ ...used, ...one }] },
  })
  it('is unknown, then nothing, then figures, as they come', async () => {
    const { uses, text } = cells(limit, null)
    expect(text()[0]).toBe('–')
    uses.value = { ...all({}), uses: {} }
    await screen.findByText('nothing')
    uses.value = all({})
    await screen.findByText('+ 500 reserved')
    expect(text()[0]).toBe('3,000 of 4,000 + 500 reserved · Ben, fast')
  })
  it('draws used and reserved beside each other, never beyond the end', () => {
    cells(limit, all({ used: 3500, reserved: 1000, met: 1 }))
    const bars = [...document.querySelectorAll<HTMLElement>('.limit-bar i')].map((one) => one.style.width)
    expect(bars).toEqual(['87.5%', '12.5%'])
    screen.getByText('· reached')
  })
  it('of no limit has no bar; little money is not nothing', () => {
    const { text } = cells({ ...limit, amount: null, measure: 'dollars' }, all({ used: 0.002, reserved: 0 }))
    expect(text()[0]).toBe('$0.002 · Ben, fast')
    expect(document.querySelector('.limit-bar')).toBeNull()
  })
})
