// What is used of one limit now: figures, a bar of what is used and reserved, and when it begins anew.
import type { ReadonlySignal } from '@preact/signals'
import { words } from '../ui/words/limits'
import type { Limit, LimitUse, LimitUses } from '../wire-limits'

interface Props {
  row: Limit
  uses: ReadonlySignal<LimitUses | null>
}

export function UseCells({ row, uses }: Props) {
  const { value: all } = uses
  const lines = all?.uses[row.key] ?? []
  return (
    <>
      <td class="limit-used">
        {!all && <span class="faint">{words.unknown}</span>}
        {all && lines.length === 0 && <span class="faint">{words.unused}</span>}
        {lines.map((one) => (
          <Line key={one.pool} row={row} one={one} />
        ))}
      </td>
      <td class="limit-frees muted">{words.resets(row.span, all?.frees[row.span])}</td>
    </>
  )
}

function Line({ row, one }: { row: Limit; one: LimitUse }) {
  const by = words.by(row, one)
  return (
    <p class={one.met ? 'full' : ''}>
      <span>
        {words.used(row, one)}
        {one.reserved > 0 && <span class="muted"> + {words.reserved(row, one)}</span>}
        {by && <span class="muted"> · {by}</span>}
        {one.met > 0 && <b> · {words.met(one.met, row.of)}</b>}
      </span>
      {row.amount !== null && <Bar of={row.amount} one={one} />}
    </p>
  )
}

/** Nothing that the figures do not say. */
function Bar({ of, one }: { of: number; one: LimitUse }) {
  const share = (n: number) => (of > 0 ? Math.min(100, (100 * n) / of) : 100)
  const used = share(one.used)
  return (
    <span class="limit-bar" aria-hidden="true">
      <i style={{ width: `${used}%` }} />
      <i style={{ width: `${Math.min(100 - used, share(one.reserved))}%` }} />
    </span>
  )
}
