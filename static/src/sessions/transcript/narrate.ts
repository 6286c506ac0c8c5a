// What a screen reader hears while a model works: that it began, and now and then what it has done. Never the text as it
// streams. How a turn ended is told by the proposals (documents/proposals-say.ts).
import { words } from '../../ui/words/library'
import type { Event } from '../../wire'
import type { Live } from '../../workspace/live'
import { say } from '../say'
import type { Sessions } from '../store'
import { titleOf } from './tool'

const REST = 4000 // ms between two sentences about steps

type Later = (run: () => void, ms: number) => () => void

export class Narrator {
  private steps: string[] = []
  private stop: (() => void) | null = null

  constructor(
    private readonly current: () => string | null,
    private readonly speak: (text: string) => void = say,
    private readonly later: Later = after,
  ) {}

  take(event: Event): void {
    if (!('session' in event) || event.session !== this.current()) return
    if (event.type === 'turn.started') this.speak(words.says.began)
    if (event.type === 'turn.ended') this.rest()
    if (event.type !== 'item.completed' || event.item.kind !== 'tool') return
    const { verb, about } = titleOf(event.item.data)
    this.steps.push(`${verb} ${about}${event.item.data.ok === false ? `, ${words.failed}` : ''}`)
    if (!this.stop) this.tell()
  }

  rest(): void {
    this.stop?.()
    this.stop = null
    this.steps = []
  }

  /** What has gathered, then silence for a while. */
  private tell(): void {
    this.stop = null
    const [step, ...more] = this.steps
    if (step === undefined) return
    this.steps = []
    this.speak(more.length ? words.says.didMany(more.length + 1) : words.says.did(step))
    this.stop = this.later(() => this.tell(), REST)
  }
}

function after(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Narrate the session on screen; returns how to stop. */
export function narrated(live: Live, sessions: Sessions): () => void {
  const narrator = new Narrator(() => sessions.current.peek())
  const stop = live.on((event) => narrator.take(event))
  return () => {
    stop()
    narrator.rest()
  }
}
