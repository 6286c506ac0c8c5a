// Two texts of a file side by side (unified where it is narrow), in the place of the editor.
import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { linesOf } from '../jobs/review/changes'
import { Diff, type Layout } from '../jobs/review/diff'
import { Refusal } from '../net/http'
import { Icon } from '../ui/icon'
import { toast } from '../ui/toast'
import { history as words } from '../ui/words/past'
import type { Ops } from '../wire'
import { narrow } from '../workspace/layout'
import { live } from '../workspace/live'
import { shownName } from '../workspace/tree-model'
import { type Comparison, endComparison } from './compared'
import { page } from './versions'
import './history.css'

export function Compare({ what }: { what: Comparison }) {
  const chosen = useSignal<Layout>('split')
  const layout = narrow.value ? 'unified' : chosen.value
  const box = useRef<HTMLElement>(null)
  useLayoutEffect(() => box.current?.querySelector<HTMLElement>('h2')?.focus(), [what.title])
  const { added, removed } = linesOf({ base: what.before, proposed: what.after })
  const same = what.before === what.after
  return (
    <section
      ref={box}
      class="compare"
      aria-label={words.compare}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close()
      }}
    >
      <header class="compare-head">
        <div>
          <h2 tabIndex={-1}>{what.title}</h2>
          <p class="num">
            <span>{shownName(what.path)}</span> · {same ? words.same : words.lines(added, removed)}
          </p>
        </div>
        {!narrow.value && (
          <div class="segments" role="group" aria-label={words.layout}>
            {(['split', 'unified'] as const).map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={chosen.value === name}
                onClick={() => (chosen.value = name)}
              >
                {words[name]}
              </button>
            ))}
          </div>
        )}
        <Restore what={what} same={same} />
        <button type="button" class="quiet icon" aria-label={words.close} title={words.close} onClick={close}>
          <Icon name="x" size={14} />
        </button>
      </header>
      <Changed what={what} />
      {layout === 'split' && (
        <div class="compare-labels" aria-hidden="true">
          <span>{what.labels[0]}</span>
          <span>{what.labels[1]}</span>
        </div>
      )}
      <Diff file={{ path: what.path, base: what.before, proposed: what.after }} layout={layout} />
    </section>
  )
}

function close() {
  endComparison()
  live.peek()?.documents.active.peek()?.focus()
}

/** Says when the file is no longer as it is shown. */
function Changed({ what }: { what: Comparison }) {
  const doc = live.value?.documents.tabs.value.find((one) => one.id === what.document)
  doc?.cursorAt.value // changes with the text
  if (!doc?.loaded.value || doc.text.toString() === what.after) return null
  return (
    <p class="banner">
      <Icon name="info" size={14} />
      <span>{words.changed}</span>
      <button type="button" onClick={() => void what.again()}>
        {words.refresh}
      </button>
    </p>
  )
}

function Restore({ what, same }: { what: Comparison; same: boolean }) {
  const busy = useSignal(false)
  const now = live.value
  if (!what.row || !now) return null
  const may = ['owner', 'maintainer', 'editor'].includes(now.role.value)
  const run = async () => {
    busy.value = true
    await restore(what).finally(() => {
      busy.value = false
    })
  }
  return (
    <button
      type="button"
      class="primary"
      disabled={!may || same || busy.value}
      title={may ? (same ? words.unchanged : words.restoreHelp) : words.mayNot}
      onClick={() => void run()}
    >
      <Icon name="rotate-ccw" size={14} /> {words.restore}
    </button>
  )
}

/** Bring the version back as an edit of one's own; the way back is the version that was newest before. */
async function restore({ row, document }: Comparison) {
  const now = live.peek()
  if (!now || !row || !document) return
  try {
    const newest = (await page(now.id, document)).versions.find((one) => !one.note)
    const back = async (params: Ops['document.restore'][0], said: string) => {
      const { changed } = await now.call('document.restore', params)
      return changed ? said : words.unchanged
    }
    const asked = { document, epoch: row.epoch, seq: row.last_seq, ...(row.note && { version: row.id }) }
    const said = await back(asked, words.restored)
    close()
    const undo = () =>
      void tried(async () => {
        if (newest) toast(await back({ document, epoch: newest.epoch, seq: newest.last_seq }, words.undone))
      })
    toast(said, 'info', said === words.restored && newest ? { label: words.undo, run: undo } : undefined)
  } catch (error) {
    tell(error)
  }
}

async function tried(run: () => Promise<void>) {
  try {
    await run()
  } catch (error) {
    tell(error)
  }
}

function tell(error: unknown) {
  if (!(error instanceof Refusal)) throw error
  toast(`${error.problem.message} ${error.problem.do}`, 'bad')
}
