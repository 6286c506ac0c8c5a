// One pump for all that arrives: documents are flushed once per animation frame, events follow the text they speak of.
const HIDDEN_MS = 100

export interface Flushes {
  flush(): void
}

export class Pump {
  private waiting = new Set<Flushes>()
  private events: (() => void)[] = []
  private planned = false

  constructor(private plan: (run: () => void) => void = soon) {}

  // This document has something to show.
  wake(document: Flushes) {
    this.waiting.add(document)
    this.schedule()
  }

  // Run after everything that arrived before it is on screen.
  after(run: () => void) {
    if (!this.waiting.size && !this.events.length) return run()
    this.events.push(run)
    this.schedule()
  }

  // Everything, now. Never called inside an editor's update.
  flush() {
    this.planned = false
    const documents = [...this.waiting]
    const events = this.events
    this.waiting.clear()
    this.events = []
    for (const document of documents) attempt(() => document.flush())
    for (const run of events) attempt(run)
  }

  private schedule() {
    if (this.planned) return
    this.planned = true
    this.plan(() => this.planned && this.flush())
  }
}

// The next frame. A hidden tab has none, also when it is hidden after asking: the timer keeps its documents true.
function soon(run: () => void) {
  requestAnimationFrame(run)
  setTimeout(run, HIDDEN_MS)
}

// One part that fails must not keep the others from what they are told.
function attempt(run: () => void) {
  try {
    run()
  } catch (error) {
    reportError(error)
  }
}

export const pump = new Pump()
