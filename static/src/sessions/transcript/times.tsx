// How a turn ran: its figures in a line, and where its time went as a small bar with a table behind it.
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { words } from '../../ui/words/library'
import type { Turn } from '../../wire'
import { type Felt, figures, type Spent, spent } from '../figures'
import './times.css'

export function Foot({ turn, live, felt }: { turn: Turn; live: boolean; felt: Felt }) {
  const list = spent(turn, felt)
  const text = figures(turn)
  if (!text && list.length === 0) return null
  return (
    <p class={live ? 'turn-foot num live' : 'turn-foot num'}>
      {list.length > 0 && <Bar list={list} />}
      <span>{text.replace(/(?<!·) (?!·)/g, '\u00a0')}</span>
    </p>
  )
}

/** The bar; hover and focus show the same as a table. */
export function Bar({ list }: { list: readonly Spent[] }) {
  const [shown, show] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const name = words.barName(list.map((one) => `${words.place[one.place]} ${words.ms(one.ms)}`).join(', '))
  return (
    <>
      <button
        type="button"
        class="times"
        aria-label={name}
        ref={button}
        onMouseEnter={() => show(true)}
        onMouseLeave={() => show(false)}
        onFocus={() => show(true)}
        onBlur={() => show(false)}
        onKeyDown={(e) => {
          if (e.key !== 'Escape' || !shown) return
          e.stopPropagation()
          show(false)
        }}
      >
        {list.map((one) => (
          <i key={one.place} class={`time-${one.place}`} style={{ flexGrow: Math.max(one.share, 0.02) }} />
        ))}
      </button>
      {shown && button.current && <Table list={list} at={button.current} />}
    </>
  )
}

const GAP = 4

/** In the browser's top layer: rows of the transcript cut off what leaves them. */
function Table({ list, at }: { list: readonly Spent[]; at: HTMLElement }) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const table = box.current
    if (!table) return
    table.showPopover?.()
    const from = at.getBoundingClientRect()
    const above = from.top - table.offsetHeight - GAP
    table.style.top = `${above > GAP ? above : from.bottom + GAP}px`
    table.style.left = `${Math.max(GAP, Math.min(from.left, innerWidth - table.offsetWidth - GAP))}px`
  }, [at, list])
  return (
    <div class="times-table" popover="manual" ref={box} aria-hidden="true">
      <table>
        <caption>{words.times}</caption>
        <tbody>
          {list.map((one) => (
            <tr key={one.place}>
              <th scope="row">
                <i class={`time-${one.place}`} /> {words.place[one.place]}
              </th>
              <td class="num">{words.ms(one.ms)}</td>
              <td>{words.placeWhy[one.place]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
