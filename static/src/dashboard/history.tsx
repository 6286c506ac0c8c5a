// What was used in the newest hours, days or months: a chart, and the same as a table.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type uPlot from 'uplot'
import { get } from '../net/http'
import { problemOf } from '../net/problem'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/dashboard'
import type { Problem } from '../wire'
import type { By, History, Series, Span } from '../wire-dashboard'
import { Chart, type Line } from './chart'

type Measure = keyof typeof words.measures
const COLOURS = ['--p0', '--p1', '--p2', '--p3', '--p4', '--p5', '--p6', '--p7', '--p8']

export const valuesOf = (one: Series, measure: Measure): number[] =>
  measure === 'tokens' ? one.read.map((n, at) => n + one.written[at]!) : one[measure]

export function HistoryView() {
  const span = useSignal<Span>('day')
  const by = useSignal<By>('all')
  const measure = useSignal<Measure>('tokens')
  const found = useSignal<{ span: Span; history: History } | null>(null)
  const problem = useSignal<Problem | null>(null)
  const load = async () => {
    const asked = span.value
    try {
      const history = await get<History>(`/dashboard/history?span=${asked}&by=${by.value}`)
      found.value = { span: asked, history }
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useEffect(() => void load(), [span.value, by.value])
  const now = found.value
  return (
    <section class="card history" aria-label={words.tabs.history}>
      <div class="row">
        <Choice label={words.span} all={words.spans} value={span.value} set={(to) => (span.value = to)} />
        <Choice label={words.by} all={words.bys} value={by.value} set={(to) => (by.value = to)} />
        <Choice label={words.measure} all={words.measures} value={measure.value} set={(to) => (measure.value = to)} />
      </div>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!now && !problem.value && <Skeleton />}
      {now && now.history.series.length === 0 && <Empty title={words.noHistory} text={words.noHistoryText} />}
      {now && now.history.series.length > 0 && <Drawn history={now.history} span={now.span} measure={measure.value} />}
    </section>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  all: Record<T, string>
  value: T
  set: (value: T) => void
}

function Choice<T extends string>({ label, all, value, set }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{label}</legend>
      {(Object.keys(all) as T[]).map((one) => (
        <button key={one} type="button" class="quiet" aria-pressed={one === value} onClick={() => set(one)}>
          {all[one]}
        </button>
      ))}
    </fieldset>
  )
}

function Drawn({ history, span, measure }: { history: History; span: Span; measure: Measure }) {
  const { series, times } = history
  const lines: Line[] = series.map((one, n) => ({
    label: one.name,
    colour: series.length === 1 ? '--model' : COLOURS[n % COLOURS.length]!,
    bars: series.length === 1,
  }))
  const at = useMemo(() => times.map((one) => Date.parse(one) / 1000), [times])
  const data = useMemo(
    () => [at, ...series.map((one) => drawn(valuesOf(one, measure), series.length === 1))] as uPlot.AlignedData,
    [at, series, measure],
  )
  const hunks = useMemo(() => [at, history.accepted, history.rejected] as uPlot.AlignedData, [at, history])
  const label = (seconds: number) => words.tick(new Date(seconds * 1000).toISOString(), span)
  const decided = history.accepted.some(Boolean) || history.rejected.some(Boolean)
  return (
    <>
      <Chart
        label={`${words.measures[measure]}, ${words.spans[span]}`}
        data={data}
        lines={lines}
        height={260}
        axes
        times={label}
      />
      {series.length > 1 && (
        <ul class="legend">
          {lines.map((line) => (
            <li key={line.label}>
              <i style={{ background: `var(${line.colour})` }} /> {line.label}
            </li>
          ))}
        </ul>
      )}
      {decided && (
        <>
          <h3>{words.hunks}</h3>
          <Chart
            label={words.hunks}
            data={hunks}
            lines={[
              { label: words.accepted, colour: '--good' },
              { label: words.rejected, colour: '--bad' },
            ]}
            height={120}
            axes
            times={label}
          />
          <ul class="legend">
            <li>
              <i class="good" /> {words.accepted}
            </li>
            <li>
              <i class="bad" /> {words.rejected}
            </li>
          </ul>
        </>
      )}
      <Twin history={history} span={span} measure={measure} />
    </>
  )
}

/** A bar of nothing is none. */
const drawn = (values: number[], bars: boolean) => (bars ? values.map((one) => one || null) : values)

function Twin({ history, span, measure }: { history: History; span: Span; measure: Measure }) {
  const columns = history.series.map((one) => valuesOf(one, measure))
  const rows = history.times.map((time, n) => ({ time, n })).filter(({ n }) => columns.some((one) => one[n]))
  return (
    <details class="twin" open>
      <summary>
        {words.tableOf(words.measures[measure])} <span class="faint">· {words.utc}</span>
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a table that scrolls is scrolled by keys too */}
      <section class="table" tabIndex={0} aria-label={words.measures[measure]}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.spans[span]}</th>
              {history.series.map((one) => (
                <th key={one.name} scope="col" class="num">
                  {one.name}
                </th>
              ))}
              <th scope="col" class="num">
                {words.accepted}
              </th>
              <th scope="col" class="num">
                {words.rejected}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.reverse().map(({ time, n }) => (
              <tr key={time}>
                <th scope="row">{words.when(time, span)}</th>
                {columns.map((one, at) => (
                  <td key={history.series[at]!.name} class="num">
                    {words.cell(one[n]!)}
                  </td>
                ))}
                <td class="num">{words.cell(history.accepted[n] ?? null)}</td>
                <td class="num">{words.cell(history.rejected[n] ?? null)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{words.total}</th>
              {columns.map((one, at) => (
                <td key={history.series[at]!.name} class="num">
                  {words.cell(one.reduce((a, b) => a + b, 0))}
                </td>
              ))}
              <td class="num">{words.cell(history.accepted.reduce((a, b) => a + b, 0))}</td>
              <td class="num">{words.cell(history.rejected.reduce((a, b) => a + b, 0))}</td>
            </tr>
          </tfoot>
        </table>
      </section>
    </details>
  )
}
