// One pump for all that arrives: documents are flushed once per animation frame, events follow the text they speak of.
const HIDDEN_MS = 100
const REST = 3 // after a flush the thread is free for so many times what it took, so keys are heard
const REST_MS = 100 // at most
const FRAME_MS = 12 // a rest shorter than a frame is none

export interface Flushes {
  flush(): void
}

export class Pump {
  private waiting = new Set<Flushes>()
  private events: (() => void)[] = []
  private planned = false
  private rested = 0 // the time until which it rests

  constructor(
    private plan: (run: () => void) => void = soon,
    private now: () => number = () => performance.now(),
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
    for (const document of documents) attempt(() => document.flush())
    for (const run of events) attempt(run)
  }

  private schedule() {
    if (this.planned) return
    this.planned = true
    const rest = this.rested - this.now()
    if (rest > FRAME_MS) setTimeout(() => this.plan(this.frame), rest - FRAME_MS)
    else this.plan(this.frame)
  }

  private frame = () => {
    if (!this.planned) return
    const began = this.now()
    this.flush()
    const end = this.now()
    this.rested = end + Math.min((end - began) * REST, REST_MS)
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
