// The transcript: who said and did what. It stays at the newest only for a reader who is there; older pages come as one
// scrolls up to them.
import { Fragment, type RefObject } from 'preact'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words as own } from '../../ui/words/library'
import { words } from '../../ui/words/sessions'
import type { Id } from '../../wire'
import { sought } from '../show'
import { runningTurn, type SessionView } from '../state'
import { CompactionsAfter } from './context-card'
import { rove } from './rove'
import { type Section, sectionsOf } from './rows'
import { RowView, type TranscriptActs } from './says'
import { still } from './still'
import './transcript.css'

interface Props {
  view: SessionView
  acts: TranscriptActs
  /** Load the page before the first item. */
  older: () => Promise<boolean>
  /** Load what there is back to the turn. */
  reach: (turn: Id) => Promise<void>
}

const NEAR = 32 // px from the bottom that still count as being there
const AHEAD = 1200 // px from the top at which the page before is asked for

export function Transcript({ view, acts, older, reach }: Props) {
  const before = useRef<Section[]>([])
  const sections = sectionsOf(view, before.current)
  const far = useFar(sections, before.current)
  before.current = sections
  const { box, away, scrolled, down, leave } = useStick(view)
  useSought(box, view, reach, leave)
  const top = useOlder(box, view, older)
  return (
    <div class="transcript">
      <div
        class="transcript-log"
        role="log"
        aria-label={words.transcript}
        aria-busy={runningTurn(view) !== null}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard
        tabIndex={0}
        ref={box}
        onScroll={scrolled}
        onKeyDown={rove}
      >
        <div class="transcript-rows">
          {view.more && (
            <button type="button" class="quiet transcript-older" ref={top} onClick={() => void older()}>
              {own.showOlder}
            </button>
          )}
          {sections.map((section) => (
            <Fragment key={section.key}>
              {far.has(section.key) ? (
                <FarView section={section} acts={acts} />
              ) : (
                <SectionView section={section} acts={acts} />
              )}
              <CompactionsAfter turn={section.key} list={view.compactions} />
            </Fragment>
          ))}
        </div>
      </div>
      {away && (
        <button type="button" class="transcript-latest" title={own.newestTitle} onClick={down}>
          <Icon name="arrow-down" size={14} /> {own.newest}
        </button>
      )}
    </div>
  )
}

const SectionView = still(({ section, acts }: { section: Section; acts: TranscriptActs }) => (
  <>
    {section.rows.map((row) => (
      <RowView key={row.key} row={row} acts={acts} />
    ))}
  </>
))

const AROUND = 12 // turns on each side of one that is looked for, drawn with it
const GUESS = 160 // px of a turn

/** Turns that came between what was there and one that is looked for far back: drawn as one comes near them. */
function useFar(sections: readonly Section[], before: readonly Section[]): ReadonlySet<Id> {
  const far = useRef(new Set<Id>())
  const at = sections.findIndex((section) => section.key === sought.peek())
  if (at >= 0 && before.length > 0 && sections.length > before.length) {
    const known = new Set(before.map((section) => section.key))
    sections.forEach(({ key }, n) => {
      if (!known.has(key) && Math.abs(n - at) > AROUND) far.current.add(key)
    })
  }
  return far.current
}

const FarView = still(({ section, acts }: { section: Section; acts: TranscriptActs }) => {
  const [near, come] = useState(typeof IntersectionObserver === 'undefined')
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (near || !place.current) return
    const watch = new IntersectionObserver(([seen]) => seen?.isIntersecting && come(true), {
      root: place.current.closest('.transcript-log'),
      rootMargin: `${AHEAD}px 0px`,
    })
    watch.observe(place.current)
    return () => watch.disconnect()
  }, [near])
  return near ? <SectionView section={section} acts={acts} /> : <div ref={place} style={{ height: `${GUESS}px` }} />
})

/** Keep the end in sight while the reader is at the end; tell when they are away from it. */
function useStick(view: SessionView) {
  const box = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  const [away, setAway] = useState(false)
  const down = useCallback(() => {
    stuck.current = true
    setAway(false)
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }, [])
  /** Somewhere else is looked for: the end does not pull any more. */
  const leave = useCallback(() => {
    stuck.current = false
    setAway(true)
  }, [])
  const scrolled = useCallback(() => {
    const log = box.current
    if (!log) return
    stuck.current = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR
    setAway(!stuck.current)
  }, [])
  useLayoutEffect(() => {
    const log = box.current
    if (log && stuck.current) log.scrollTop = log.scrollHeight
  }, [view])
  // Another session starts at its end; colours and a narrower panel change heights without a new view.
  useLayoutEffect(() => {
    down()
    const inner = box.current?.firstElementChild
    if (!inner || typeof ResizeObserver === 'undefined') return
    const watch = new ResizeObserver(() => {
      if (stuck.current && box.current) box.current.scrollTop = box.current.scrollHeight
    })
    watch.observe(inner)
    return () => watch.disconnect()
  }, [view.session.id])
  return { box, away, scrolled, down, leave }
}

/** Ask for the page before as its place comes near. What the reader reads stays where it is: the browser anchors it,
 * which it does not at the very top. */
function useOlder(box: RefObject<HTMLDivElement | null>, view: SessionView, older: Props['older']) {
  const top = useRef<HTMLButtonElement>(null)
  const first = view.items[0]?.id
  useEffect(() => {
    const log = box.current
    if (!log || !top.current || typeof IntersectionObserver === 'undefined') return
    const watch = new IntersectionObserver(
      ([seen]) => {
        if (!seen?.isIntersecting || log.scrollHeight <= log.clientHeight || sought.peek()) return
        if (log.scrollTop < 1) log.scrollTop = 1
        void older()
      },
      { root: log, rootMargin: `${AHEAD}px 0px 0px` },
    )
    watch.observe(top.current)
    return () => watch.disconnect()
  }, [view.session.id, first, view.more, older])
  return top
}

/** Bring the turn somebody looks for into view, as soon as it is there. */
function useSought(box: RefObject<HTMLDivElement | null>, view: SessionView, reach: Props['reach'], leave: () => void) {
  const turn = sought.value
  useEffect(() => {
    const log = box.current
    const row = turn && log?.querySelector<HTMLElement>(`[data-turn="${CSS.escape(turn)}"]`)
    if (!log || !row) {
      if (turn && view.more && !view.items.some((item) => item.turn === turn)) void reach(turn)
      return
    }
    sought.value = null
    leave()
    row.focus({ preventScroll: true })
    bring(log, row)
    // What comes into view gets its own height then, and moves what is under it.
    requestAnimationFrame(() => requestAnimationFrame(() => bring(log, row)))
  }, [turn, view])
}

/** By hand: scrollIntoView would move what is around the log too. */
function bring(log: HTMLElement, row: HTMLElement): void {
  log.scrollTop += row.getBoundingClientRect().top - log.getBoundingClientRect().top - 8
}
