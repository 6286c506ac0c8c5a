// How long what arrives takes until it is on the screen: from the frame of the socket to the browser's own frame.

interface Sum {
  ms: number
  frames: number
}

export class Painted {
  private since: number | null = null
  private readonly sums = new Map<string, Sum>()

  constructor(
    private readonly clock: () => number = () => performance.now(),
    private readonly afterFrame: (run: () => void) => void = inNextFrame,
  ) {}

  /** Something to show has come from the server. */
  arrived(): void {
    this.since ??= this.clock()
  }

  /** What has come of this turn is in the elements now; the frame that shows it is next. */
  drawn(turn: string | null): void {
    const { since } = this
    this.since = null
    if (since === null || turn === null) return
    this.afterFrame(() => {
      const sum = this.sums.get(turn) ?? { ms: 0, frames: 0 }
      this.sums.set(turn, { ms: sum.ms + this.clock() - since, frames: sum.frames + 1 })
    })
  }

  /** Milliseconds from arrival to frame, on average; null for a turn this tab has not seen run. */
  mean(turn: string): number | null {
    const sum = this.sums.get(turn)
    return sum ? sum.ms / sum.frames : null
  }
}

/** A message sent within a frame arrives when the frame is on its way to the screen. A hidden tab paints nothing. */
function inNextFrame(run: () => void): void {
  if (document.hidden) return
  requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => {
      channel.port1.close()
      run()
    }
    channel.port2.postMessage(null)
  })
}
