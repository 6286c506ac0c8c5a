// Doing something soon, but not too often.

export interface Pace {
  soon: () => void
  stop: () => void
}

/** `run` follows each `soon()`: in the next frame if it has rested, else when `wait` ms have passed since it last ran. A
 * hidden tab has no frames, so a timer stands in for them. */
export function paced(run: () => void, wait = 50): Pace {
  let timer: ReturnType<typeof setTimeout> | undefined
  let frame = 0
  let last = Number.NEGATIVE_INFINITY
  const go = () => {
    timer = undefined
    frame = 0
    last = performance.now()
    run()
  }
  const soon = () => {
    if (timer !== undefined || frame) return
    const rest = last + wait - performance.now()
    if (rest > 0 || document.hidden) timer = setTimeout(go, Math.max(rest, 0))
    else frame = requestAnimationFrame(go)
  }
  const stop = () => {
    clearTimeout(timer)
    cancelAnimationFrame(frame)
    timer = undefined
    frame = 0
  }
  return { soon, stop }
}
