// One pump for all that arrives: documents are flushed once per animation frame, events follow the text they speak of.
// A hidden tab has no frames, so a timer takes their place; it keeps its documents true.
const HIDDEN_MS = 100

export interface Flushes {
  flush(): void
}

export class Pump {
  private waiting = new Set<Flushes>()
  private events: (() => void)[] = []
  private planned = false

  constructor(
    private plan: (run: () => void) => void = (run) => {
      if (document.hidden) setTimeout(run, HIDDEN_MS)
      else requestAnimationFrame(run)
    },
  ) {}

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
    for (const document of documents) document.flush()
    for (const run of events) run()
  }

  private schedule() {
    if (this.planned) return
    this.planned = true
    this.plan(() => this.planned && this.flush())
  }
}

export const pump = new Pump()
