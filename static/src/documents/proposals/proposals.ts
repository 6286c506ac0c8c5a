// Proposals and regions of the open workspace: kept from the snapshot and the events, shown in every editor.
import type { Extension } from '@codemirror/state'
import { EditorView, ViewPlugin } from '@codemirror/view'
import { computed, effect, type Signal, signal } from '@preact/signals'
import { type Pace, paced } from '../../sessions/pace'
import { later } from '../../ui/lazy'
import type { Event, Id, Person, Proposal, Region } from '../../wire'
import { type Live, live } from '../../workspace/live'
import { coming } from '../coming'
import { type OpenDocument, registerExtension } from '../open'
import { drawing } from './draw'
import { marks, type Place, type Stretch, setMarks } from './field'
import { announceRegions } from './say'
import './proposals.css'
import { pump } from '../pump'

/** Open proposals by id. */
export const proposals: Signal<ReadonlyMap<Id, Proposal>> = signal(new Map())
/** Where running turns write now, by turn and document (`<turn>/<document>`). */
export const regions: Signal<ReadonlyMap<string, Region>> = signal(new Map())

export interface Summary {
  hunks: number
  writing: boolean
  owners: Person[]
}

/** What is open in each file, by path: for dots in the tree and on tabs. */
export const summaries = computed(() => summarised([...proposals.value.values()], [...regions.value.values()]))

export function summarised(list: readonly Proposal[], writing: readonly Region[]): ReadonlyMap<string, Summary> {
  const found = new Map<string, Summary>()
  const at = (path: string) => found.get(path) ?? { hunks: 0, writing: false, owners: [] }
  for (const one of list) {
    const was = at(one.path)
    const owners = one.owner ? [...was.owners, one.owner] : was.owners
    found.set(one.path, { hunks: was.hunks + one.hunks.length, writing: was.writing || one.writing, owners })
  }
  for (const region of writing) found.set(region.path, { ...at(region.path), writing: true })
  return found
}

/** The proposals after the event; the same map if it says nothing about them. */
export function proposalsAfter(map: ReadonlyMap<Id, Proposal>, event: Event): ReadonlyMap<Id, Proposal> {
  if (event.type === 'document.moved') return renamed(map, event.document, event.path)
  if (event.type !== 'proposal') return map
  const next = new Map(map)
  if (event.proposal.state === 'open') next.set(event.proposal.id, joined(map.get(event.proposal.id), event.proposal))
  else next.delete(event.proposal.id)
  return next
}

/** A proposal whole again, with the lines that its event left out because they were known. */
function joined(had: Proposal | undefined, now: Proposal): Proposal {
  if (!now.waiting) return now
  const hunks = now.hunks.map((hunk) => {
    const { keep, ...rest } = hunk
    const known = had?.hunks.find((one) => one.id === hunk.id)?.lines ?? []
    return { ...rest, lines: [...known.slice(0, keep ?? 0), ...(hunk.lines ?? [])] }
  })
  return { ...now, hunks }
}

function renamed(map: ReadonlyMap<Id, Proposal>, document: Id, path: string): ReadonlyMap<Id, Proposal> {
  if (![...map.values()].some((one) => one.document === document && one.path !== path)) return map
  return new Map([...map].map(([id, one]) => [id, one.document === document ? { ...one, path } : one]))
}

/** The regions after the event: a turn that has ended writes nowhere. */
export function regionsAfter(map: ReadonlyMap<string, Region>, event: Event): ReadonlyMap<string, Region> {
  if (event.type === 'turn.ended') return new Map([...map].filter(([, region]) => region.turn !== event.turn.id))
  if (event.type !== 'region') return map
  const { region } = event
  const next = new Map(map)
  const key = `${region.turn}/${region.document}`
  if (region.from && region.to) next.set(key, region)
  else next.delete(key)
  return next
}

effect(() => {
  const now = live.value
  if (!now) return
  const stop = now.on((event) => {
    proposals.value = proposalsAfter(proposals.peek(), event)
    regions.value = regionsAfter(regions.peek(), event)
  })
  const unread = effect(() => {
    const snapshot = now.snapshot.value
    if (!snapshot) return
    proposals.value = new Map(snapshot.proposals.filter((one) => one.state === 'open').map((one) => [one.id, one]))
    const writing = snapshot.regions.filter((region) => region.from && region.to)
    regions.value = new Map(writing.map((region) => [`${region.turn}/${region.document}`, region]))
  })
  const quiet = announceRegions(now, { proposals, regions })
  return () => {
    stop()
    unread()
    quiet()
    proposals.value = new Map()
    regions.value = new Map()
  }
})

type Resolver = Pick<OpenDocument, 'id' | 'posOf'>

/** Marks of one document, anchors resolved. `complete` is false if an anchor points to text that is not here yet. */
export function resolve(doc: Resolver, list: Iterable<Proposal>, writing: Iterable<Region>) {
  let complete = true
  const find = (anchor: string) => {
    const at = doc.posOf(anchor)
    if (at === null) complete = false
    return at
  }
  const places: Place[] = []
  const stretches: Stretch[] = []
  for (const { id, document, hunks, writing } of list) {
    if (document !== doc.id) continue
    for (const { id: hunk, from: start, to: end, removed, added, taken, lines, pen } of hunks) {
      const [from, to] = [find(start), find(end)]
      if (from === null || to === null) continue
      const own = lines ? { added: taken ?? 0, lines } : { added }
      places.push({ proposal: id, hunk, from, to: Math.max(from, to), removed, writing, ...own, ...(pen && { pen }) })
    }
  }
  for (const { document, turn, owner, from: start, to: end } of writing) {
    if (document !== doc.id || !start || !end) continue
    const [from, to] = [find(start), find(end)]
    if (from !== null && to !== null) stretches.push({ turn, from, to: Math.max(from, to), owner })
  }
  return { places, stretches, complete }
}

const TRIES = 40 // times an anchor that points ahead of the text is looked up again

/** Keeps one view's marks in step with the signals. Never dispatches inside an update of the view. */
function following(doc: OpenDocument): Extension {
  return ViewPlugin.define((view) => {
    let gone = false
    let tries = 0
    const put = () => {
      if (gone) return
      const { complete, ...found } = resolve(doc, proposals.peek().values(), regions.peek().values())
      view.dispatch({ effects: setMarks.of(found) })
      if (complete) tries = 0
      else if (tries++ < TRIES) pace.soon()
    }
    const pace: Pace = paced(put)
    const stop = effect(() => {
      proposals.value
      regions.value
      doc.loaded.value
      pace.soon()
    })
    return {
      destroy() {
        gone = true
        pace.stop()
        stop()
      },
    }
  })
}

/** Show where a proposal (or, without one, whatever is open there) has changed a document, as soon as its text is here. */
export function reveal(doc: OpenDocument, proposal: Proposal | null): void {
  const stop = effect(() => {
    if (!doc.loaded.value) return
    // After the effect that tells so: it may come from inside a flush.
    queueMicrotask(() => {
      stop()
      pump.after(() => goTo(doc, proposal))
    })
  })
}

function goTo(doc: OpenDocument, proposal: Proposal | null): void {
  const list = proposal ? [proposal] : proposals.peek().values()
  const { places, stretches } = resolve(doc, list, regions.peek().values())
  const at = places[0] ?? stretches[0]
  if (!at) return
  const anchor = Math.min(at.from, doc.state.doc.length)
  doc.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) })
  doc.view?.focus()
}

// The bars and the keys; what is drawn in the text is there with it.
const acts = later(() => import('./decide'))

/** All of it for one editor. */
export function proposalExtension(doc: OpenDocument, now: Live): Extension {
  const deciding = async () => {
    const code = await acts()
    return [code.bars(doc, now, proposals), code.proposalKeys(now)]
  }
  return [marks, drawing, coming(deciding), following(doc)]
}

registerExtension(proposalExtension)
