// A bar between two regions: drag it, or use the arrow keys.
interface Props {
  label: string
  value: number
  min: number
  max: number
  axis: 'x' | 'y'
  grows: 1 | -1 // whether moving right or down makes the region larger
  onChange: (size: number) => void
}

export function Splitter({ label, value, min, max, axis, grows, onChange }: Props) {
  const clamp = (size: number) => Math.round(Math.min(max, Math.max(min, size)))
  const down = (e: PointerEvent) => {
    const bar = e.currentTarget as HTMLElement
    const from = axis === 'x' ? e.clientX : e.clientY
    bar.setPointerCapture(e.pointerId)
    const move = (m: PointerEvent) => onChange(clamp(value + grows * ((axis === 'x' ? m.clientX : m.clientY) - from)))
    bar.addEventListener('pointermove', move)
    bar.addEventListener('lostpointercapture', () => bar.removeEventListener('pointermove', move), { once: true })
  }
  const key = (e: KeyboardEvent) => {
    const step = { ArrowLeft: -16, ArrowUp: -16, ArrowRight: 16, ArrowDown: 16 }[e.key]
    if (step === undefined) return
    e.preventDefault()
    onChange(clamp(value + grows * step))
  }
  return (
    <div
      class={`splitter ${axis}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={axis === 'x' ? 'vertical' : 'horizontal'}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={max}
      onPointerDown={down}
      onKeyDown={key}
    />
  )
}
