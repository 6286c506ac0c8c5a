// The list of what can be mentioned, above the composer. The keys are the text area's: see useMentions.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { jobs } from '../../jobs/state'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/composer'
import type { FoundSymbol, Mention, MentionOffers } from '../../wire'
import * as files from '../../workspace/files'
import type { Live } from '../../workspace/live'
import './mention.css'
import { say } from '../say'
import type { Sessions } from '../store'
import { type Choice, choices, type Group } from './choices'
import { askedAt } from './mentions'

export const MENU = 'mention-menu'
const CALM = 80 // ms without typing before symbols are looked for
const NO_OFFERS: MentionOffers = { commands: 0, problems: 0 }

interface Caret {
  text: string
  caret: number
}

export interface Mentions {
  open: boolean
  list: Choice[]
  query: string
  at: number
  point: (at: number) => void
  choose: (choice: Choice) => void
  close: () => void
  /** Whether the key was for the list. */
  key: (event: KeyboardEvent) => boolean
  /** The text or the caret has changed. */
  moved: (now: Caret) => void
}

/** What is typed behind an @, and what fits. `take` gets the choice and where its word stands in the text. */
export function useMentions(
  live: Live,
  sessions: Sessions,
  take: (mention: Mention, from: number, to: number) => void,
): Mentions {
  const [now, setNow] = useState<Caret>({ text: '', caret: 0 })
  const [at, point] = useState(0)
  const [left, setLeft] = useState<number | null>(null) // where the @ stands that was closed with Esc
  const asked = askedAt(now.text, now.caret)
  const open = asked !== null && asked.from !== left
  const query = asked?.query ?? ''
  const offers = useOffers(live, open)
  const symbols = useSymbols(live, open ? query : '')
  const active = live.documents.active.value
  const tabs = live.documents.tabs.value
  const entries = files.tree.value?.entries
  const changed = files.git.value?.changes.length ?? 0
  const items = sessions.view.value?.items
  const known = jobs.value
  const list = useMemo(() => {
    if (!open) return []
    const ground = {
      active,
      tabs,
      entries: entries ?? [],
      changed,
      offers,
      jobs: [...known.values()],
      items: items ?? [],
    }
    return choices({ ...ground, symbols }, query)
  }, [open, query, active, tabs, entries, changed, offers, known, items, symbols])
  useEffect(() => point(0), [query, open])
  useEffect(() => {
    if (open) say(words.found(list.length))
  }, [open, list.length])
  const close = () => setLeft(asked?.from ?? null)
  const choose = (choice: Choice) => asked && take(choice.mention, asked.from, now.caret)
  const key = (event: KeyboardEvent): boolean => {
    if (!open || event.isComposing) return false
    const chosen = list[at]
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape') close()
    else if (step && list.length) point((at + step + list.length) % list.length)
    else if (chosen && (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey))) choose(chosen)
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }
  const moved = (next: Caret) => {
    setNow(next)
    if (left !== null && askedAt(next.text, next.caret)?.from !== left) setLeft(null)
  }
  return { open, list, query, at: Math.min(at, Math.max(0, list.length - 1)), point, choose, close, key, moved }
}

/** What only the host knows of: asked each time the list is opened. */
function useOffers(live: Live, open: boolean): MentionOffers {
  const [offers, set] = useState(NO_OFFERS)
  useEffect(() => {
    if (open) live.call('mention.offers', {}).then(set, () => set(NO_OFFERS))
  }, [live, open])
  return offers
}

function useSymbols(live: Live, query: string): FoundSymbol[] {
  const [found, set] = useState<FoundSymbol[]>([])
  useEffect(() => {
    if (query.length < 2) return set([])
    let gone = false
    const timer = setTimeout(async () => {
      const answer = await live.call('symbols.find', { query }).catch(() => null)
      if (!gone) set(answer?.symbols ?? [])
    }, CALM)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [live, query])
  return found
}

export function MentionMenu({ list, query, at, point, choose, close }: Mentions) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (!box.current?.closest('form')?.contains(event.target as Node)) close()
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  })
  useLayoutEffect(() => {
    box.current?.querySelector('[aria-selected=true]')?.scrollIntoView?.({ block: 'nearest' })
  }, [at, list])
  const groups = [...new Set(list.map((one) => one.group))]
  return (
    <div class="mention-menu" ref={box}>
      {list.length > 0 && (
        <div role="listbox" id={MENU} aria-label={words.mention}>
          {groups.map((group) => (
            <OfGroup key={group} group={group} list={list} at={at} point={point} choose={choose} />
          ))}
        </div>
      )}
      {list.length === 0 && <p>{query ? words.none(query) : words.more}</p>}
      <footer>
        {list.length > 0 && query && (
          <>
            <span>
              <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd> {words.keys}
            </span>
            <span>
              <kbd>Esc</kbd> {words.close}
            </span>
          </>
        )}
        {list.length > 0 && !query && words.more}
      </footer>
    </div>
  )
}

interface GroupProps extends Pick<Mentions, 'list' | 'at' | 'point' | 'choose'> {
  group: Group
}

function OfGroup({ group, list, at, point, choose }: GroupProps) {
  return (
    <div role="group" aria-labelledby={`mention-${group}`}>
      <div role="presentation" class="mention-group" id={`mention-${group}`}>
        {words.groups[group]}
      </div>
      {list.map(
        (one, n) =>
          one.group === group && (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text area
            <div
              key={n}
              role="option"
              tabIndex={-1}
              id={optionId(n)}
              aria-selected={n === at}
              onPointerMove={() => point(n)}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => choose(one)}
            >
              <Icon name={one.icon} size={14} />
              <span>{one.label}</span> <small>{one.hint}</small>
            </div>
          ),
      )}
    </div>
  )
}

export const optionId = (n: number) => `mention-option-${n}`
