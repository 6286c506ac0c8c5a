// A chart of uPlot, drawn in the tokens' colours. What it shows is in a table beside it: here it is a picture.
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
  label: string
  colour: string // a token
  bars?: boolean
}
interface Props {
  label: string
  data: uPlot.AlignedData
  lines: Line[]
  height: number
  axes?: boolean
  times?: (seconds: number) => string
}

// Drawn anew in the colours of another theme.
const theme = signal(document.documentElement.dataset.theme)
new MutationObserver(() => (theme.value = document.documentElement.dataset.theme)).observe(document.documentElement, {
  attributeFilter: ['data-theme'],
})

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function options({ lines, height, axes, times }: Props, width: number): uPlot.Options {
  const faint = token('--faint')
  const axis = {
    stroke: faint,
    grid: { stroke: token('--line'), width: 1 },
    ticks: { show: false },
    font: '11px Inter Variable',
  }
  const bars = uPlot.paths.bars?.({ size: [0.7, 48] })
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: axes ? [8, 24, 0, 0] : [4, 0, 0, 0],
    scales: {
      x: { time: true, ...(axes && { range: wide }) },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
    },
    axes: axes
      ? [
          { ...axis, size: 28, space: 72, ...(times && { values: (_: uPlot, at: number[]) => at.map(times) }) },
          { ...axis, size: 44, values: (_: uPlot, at: number[]) => at.map((n) => short(n)) },
        ]
      : [{ show: false }, { show: false }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: token(line.colour),
        fill: `color-mix(in oklch, ${token(line.colour)} ${line.bars ? 70 : 12}%, transparent)`,
        width: 1.5,
        points: { show: false },
        ...(line.bars && bars && { paths: bars }),
      })),
    ],
  }
}

// Half a bucket more on both sides, so that the first and the last stand there whole.
const wide = (plot: uPlot, from: number, to: number): [number, number] => {
  const half = (to - from) / Math.max(1, plot.data[0].length - 1) / 2 || 1
  return [from - half, to + half]
}

const short = (n: number) =>
  n >= 1e9 ? `${n / 1e9}G` : n >= 1e6 ? `${n / 1e6}M` : n >= 1e3 ? `${n / 1e3}k` : String(Math.round(n * 100) / 100)

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const shape = JSON.stringify([props.lines, props.height, props.axes, theme.value])
  useEffect(() => {
    const place = box.current!
    plot.current = new uPlot(options(props, place.clientWidth || 300), props.data, place)
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: props.height }))
    sized.observe(place)
    return () => {
      sized.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }, [shape])
  useEffect(() => plot.current?.setData(props.data), [props.data])
  return <div ref={box} class="chart" role="img" aria-label={props.label} />
}
