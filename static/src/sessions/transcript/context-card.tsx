// Where earlier turns were summarised for the model: what was said beside what stands in its place, and the way back.
import { useState } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { Skeleton } from '../../ui/skeleton'
import { words } from '../../ui/words/context'
import type { Compaction, Id } from '../../wire'
import { live as here } from '../../workspace/live'
import { tell } from '../acts'
import { mayTurn } from '../mode'
import '../composer/context.css'

/** The summaries that stand for everything up to that turn. */
export function CompactionsAfter({ turn, list }: { turn: Id; list: readonly Compaction[] }) {
  return (
    <>
      {list
        .filter((one) => one.until === turn)
        .map((one) => (
          <CompactionCard key={one.id} compaction={one} />
        ))}
    </>
  )
}

function CompactionCard({ compaction }: { compaction: Compaction }) {
  const live = here.value
  const [sides, setSides] = useState<{ before: string; after: string } | null>(null)
  const { id, session, undone, tokens_before, tokens_after } = compaction
  const open = async () => {
    if (!sides && live) setSides(await tell(live.call('context.compaction', { session, compaction: id })))
  }
  return (
    <section class={undone ? 'compaction undone' : 'compaction'}>
      <header>
        <Icon name="list" size={14} />
        <div>
          {undone ? words.undone : words.compacted(compaction)}
          <small class="num">{words.sizes(tokens_before, tokens_after)}</small>
        </div>
        {!undone && live && mayTurn(live.role.value) && (
          <button
            type="button"
            class="quiet"
            title={words.undoTitle}
            onClick={() => void tell(live.call('context.uncompact', { session, compaction: id }))}
          >
            <Icon name="undo-2" size={12} /> {words.undo}
          </button>
        )}
      </header>
      <details onToggle={(event) => event.currentTarget.open && void open()}>
        <summary>{words.compare}</summary>
        {sides ? <Sides {...sides} /> : <Skeleton rows={3} />}
      </details>
    </section>
  )
}

/** A diff of the whole: all that was said goes, the summary comes. */
const Sides = ({ before, after }: { before: string; after: string }) => (
  <div class="compaction-diff">
    <Side name={words.before} sign="−" text={before} kind="minus" />
    <Side name={words.after} sign="+" text={after} kind="plus" />
  </div>
)

const Side = ({ name, sign, text, kind }: { name: string; sign: string; text: string; kind: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard
  <pre class={kind} aria-label={name} role="region" tabIndex={0}>
    {text.split('\n').map((line) => `${sign} ${line}\n`)}
  </pre>
)
