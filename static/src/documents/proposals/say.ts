// What a screen reader hears of a turn this person started: where it writes, now and then that it still does, its end.
import { effect, type ReadonlySignal } from '@preact/signals'
import { say } from '../../sessions/say'
import { words } from '../../ui/words/sessions'
import type { Event, Id, Proposal, Region } from '../../wire'
import type { Live } from '../../workspace/live'

const STILL = 10_000 // ms

interface Followed {
  proposals: ReadonlySignal<ReadonlyMap<Id, Proposal>>
  regions: ReadonlySignal<ReadonlyMap<string, Region>>
}

/** Follow until the function it answers is called. */
export function announceRegions(live: Pick<Live, 'me' | 'on'>, { proposals, regions }: Followed): () => void {
  const heard = new Map<string, Region>() // regions that were announced
  const mine = (region: Region) => region.owner?.id === live.me.id
  const started = effect(() => {
    for (const [key, region] of regions.value) {
      if (!mine(region) || heard.has(key)) continue
      heard.set(key, region)
      say(words.says.started(region.path))
    }
  })
  const hunksOf = (turn: Id) =>
    [...proposals.peek().values()].filter((one) => one.turn === turn).flatMap((one) => one.hunks)
  const still = setInterval(() => {
    const now = [...regions.peek().values()].find(mine)
    if (now) say(words.says.still(hunksOf(now.turn).reduce((sum, hunk) => sum + hunk.added, 0)))
  }, STILL)
  const ended = live.on((event: Event) => {
    if (event.type !== 'turn.ended' || event.turn.owner?.id !== live.me.id) return
    const written = [...heard].filter(([, region]) => region.turn === event.turn.id)
    for (const [key] of written) heard.delete(key)
    const [first] = written
    if (event.turn.state === 'failed') say(words.says.failed(event.turn.error))
    if (event.turn.state !== 'completed') return
    say(first ? words.says.finished(first[1].path, hunksOf(event.turn.id).length) : words.says.answered)
  })
  return () => {
    started()
    clearInterval(still)
    ended()
  }
}
