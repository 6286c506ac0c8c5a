// Arrow keys in the transcript: from row to row, Home and End to the ends, Enter into a row, Esc back to the whole.

const ROW = '[data-row]'

export function rove(e: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const log = e.currentTarget
  const target = e.target as HTMLElement
  const inside = target.closest<HTMLElement>(ROW)
  if (e.key === 'Escape' && inside) {
    e.preventDefault()
    e.stopPropagation()
    ;(target === inside ? log : inside).focus({ preventScroll: true })
    return
  }
  if (target !== log && target !== inside) return
  const to = goal(e.key, log, inside)
  if (!to) return
  e.preventDefault()
  to.focus({ preventScroll: true })
  to.scrollIntoView({ block: 'nearest' })
}

function goal(key: string, log: HTMLElement, inside: HTMLElement | null): HTMLElement | null | undefined {
  if (key === 'Enter') return inside?.querySelector<HTMLElement>('button:not(:disabled), summary, a[href]')
  const rows = [...log.querySelectorAll<HTMLElement>(ROW)]
  if (key === 'Home') return rows[0]
  if (key === 'End') return rows.at(-1)
  if (key === 'ArrowUp') return inside ? rows[rows.indexOf(inside) - 1] : rows.at(-1)
  if (key === 'ArrowDown' && inside) return rows[rows.indexOf(inside) + 1]
  return null
}
