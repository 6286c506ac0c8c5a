// What goes on now: figures with their last five minutes, and tables with what can be done about their rows.
import { useComputed } from '@preact/signals'
import type uPlot from 'uplot'
import { words } from '../ui/words/dashboard'
import type { Act, Cell, Figure, Panel, Shown } from '../wire-dashboard'
import { ActButton, Message } from './act'
import { Chart } from './chart'
import { figures, fits, type Points, panels, series } from './state'

const LINE = [{ label: '', colour: '--accent' }]
const MODEL = [{ label: '', colour: '--model' }]

export function Now({ all }: { all: Shown }) {
  const groups = new Map<string, Figure[]>()
  for (const one of all.figures) groups.set(one.group, [...(groups.get(one.group) ?? []), one])
  return (
    <>
      {[...groups].map(([name, entries]) => (
        <section key={name} class="figures" aria-label={name}>
          <h2>{name}</h2>
          <div class="grid">
            {entries.map((one) => (
              <Stat key={one.key} figure={one} />
            ))}
          </div>
        </section>
      ))}
      <Numbers all={all.figures.filter((one) => one.chart)} />
      <Message acts={all.acts} />
      {all.panels.map((one) => (
        <PanelTable key={one.key} panel={one} acts={all.acts.filter((act) => one.acts.includes(act.key))} />
      ))}
    </>
  )
}

function Stat({ figure }: { figure: Figure }) {
  const value = useComputed(() => words.cell(figures.value[figure.key]))
  const word = useComputed(() => typeof figures.value[figure.key] === 'string') // no number yet
  return (
    <article class="stat" data-figure={figure.key}>
      <h3>{figure.label}</h3>
      <b class={word.value ? 'num muted' : 'num'}>{value}</b>
      <small>{(!word.value && figure.unit) || ' '}</small>
      {figure.chart && <Spark figure={figure} now={value.value} />}
    </article>
  )
}

function Spark({ figure, now }: { figure: Figure; now: string }) {
  const points = series.value.get(figure.key)
  const data: uPlot.AlignedData = points ? [points.at, points.value] : [[], []]
  const lines = figure.group === 'Models' ? MODEL : LINE
  return <Chart label={words.chart(figure.label, now, figure.unit)} data={data} lines={lines} height={44} />
}

const summed = ({ value }: Points): number[] => [
  value.at(-1)!,
  Math.min(...value),
  value.reduce((a, b) => a + b, 0) / value.length,
  Math.max(...value),
]

function Numbers({ all }: { all: Figure[] }) {
  return (
    <details class="twin">
      <summary>{words.asTable}</summary>
      <div class="table">
        <table>
          <thead>
            <tr>
              {words.chartColumns.map((one, n) => (
                <th key={one} scope="col" class={n ? 'num' : ''}>
                  {one}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((one) => {
              const points = series.value.get(one.key)
              return (
                <tr key={one.key}>
                  <th scope="row">{one.label}</th>
                  {(points ? summed(points) : [null, null, null, null]).map((n, at) => (
                    <td key={words.chartColumns[at]} class="num">
                      {words.cell(n === null ? null : Math.round(n * 10) / 10)}
                    </td>
                  ))}
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </details>
  )
}

function PanelTable({ panel, acts }: { panel: Panel; acts: Act[] }) {
  const rows = panels.value[panel.key]
  const width = panel.columns.length
  const numeric = panel.columns.map((_, n) => rows?.some((row) => typeof row[n] === 'number') ?? false)
  return (
    <section class="card" data-panel={panel.key} aria-label={panel.title}>
      <h2>{panel.title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a table that scrolls is scrolled by keys too */}
      <section class="table" tabIndex={0} aria-label={panel.title}>
        <table>
          <thead>
            <tr>
              {panel.columns.map((one, n) => (
                <th key={one} scope="col" class={numeric[n] ? 'num' : ''}>
                  {one}
                </th>
              ))}
              {acts.length > 0 && (
                <th scope="col">
                  <span class="visually-hidden">{words.actsOf}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows && rows.length > 0 ? (
              rows.map((row) => <PanelRow key={keyOf(row, width)} row={row} numeric={numeric} acts={acts} />)
            ) : (
              <tr>
                <td class="muted" colSpan={width + Number(acts.length > 0)}>
                  {rows === null || rows === undefined ? words.unreadable : panel.empty}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </section>
    </section>
  )
}

const keyOf = (row: Cell[], width: number) => (row.length > width ? String(row[width]) : JSON.stringify(row))

function PanelRow({ row, numeric, acts }: { row: Cell[]; numeric: boolean[]; acts: Act[] }) {
  const width = numeric.length
  const thing = row[width]
  const name = row
    .slice(0, 3)
    .filter((cell) => typeof cell === 'string' && cell)
    .join(' · ')
  return (
    <tr>
      {row.slice(0, width).map((cell, n) => (
        <td key={n} class={typeof cell === 'number' || (cell === null && numeric[n]) ? 'num' : ''}>
          {words.cell(cell)}
        </td>
      ))}
      {acts.length > 0 && (
        <td class="acts">
          {typeof thing === 'string' &&
            acts
              .filter((act) => fits(act.key, row.slice(0, width)))
              .map((act) => <ActButton key={act.key} act={act} thing={thing} name={name} />)}
        </td>
      )}
    </tr>
  )
}
