// A whole turn: what is undecided of it, taking it back and bringing it back, going back to before it. What would change
// in which file is shown before it is done.
import { useState } from 'preact/hooks'
import { deciding } from '../documents/proposals/acts'
import { proposals } from '../documents/proposals/proposals'
import { compare } from '../history/compared'
import { Dialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/back'
import type { Id, Proposal, TurnFile } from '../wire'
import type { Live } from '../workspace/live'
import { tell } from './acts'
import './back.css'

interface Props {
  live: Live
  turn: Id
  undone: boolean
  restored: boolean // the files were brought to before it, and that was not taken back
}

type Way = 'undo' | 'redo' | 'restore' | 'unrestore'

const OPS = {
  undo: 'turn.undo',
  redo: 'turn.redo',
  restore: 'checkpoint.restore',
  unrestore: 'checkpoint.unrestore',
} as const

export function Back({ live, turn, undone, restored }: Props) {
  const [files, setFiles] = useState<readonly TurnFile[] | null>(null)
  const [way, setWay] = useState<Way | null>(null)
  const [busy, setBusy] = useState(false)
  const show = async (next: Way) => {
    setFiles(null)
    setWay(next)
    const asked =
      next === 'restore'
        ? live.call('checkpoint.preview', { turn })
        : live.call('turn.preview', { turn, redo: next === 'redo' })
    const answer = await tell(asked)
    if (answer) setFiles(answer.files)
    else setWay(null)
  }
  const act = async (what: Way) => {
    setBusy(true)
    await tell(live.call(OPS[what], { turn }))
    setBusy(false)
    setWay(null)
  }
  const mine = [...proposals.value.values()].filter((one) => one.turn === turn)
  return (
    <div class="turn-back">
      {mine.length > 0 && <Undecided live={live} turn={turn} mine={mine} />}
      <Offer way={undone ? 'redo' : 'undo'} icon={undone ? 'redo-2' : 'undo-2'} run={show} />
      {restored ? <Offer way="unrestore" icon="redo-2" run={act} /> : <Offer way="restore" icon="history" run={show} />}
      {way && (
        <Dialog
          title={words.name[way]}
          open
          onClose={() => setWay(null)}
          footer={
            files && files.length > 0 ? (
              <>
                <button type="button" onClick={() => setWay(null)}>
                  {words.leave}
                </button>
                <button type="button" class="primary" disabled={busy} onClick={() => void act(way)}>
                  {words.act(way, files.length)}
                </button>
              </>
            ) : undefined
          }
        >
          {files === null ? <Skeleton /> : <Files files={files} way={way} onLook={() => setWay(null)} />}
        </Dialog>
      )}
    </div>
  )
}

function Offer({
  way,
  icon,
  run,
}: {
  way: Way
  icon: 'redo-2' | 'undo-2' | 'history'
  run: (way: Way) => Promise<void>
}) {
  return (
    <button type="button" class="quiet" onClick={() => void run(way)} title={words.title[way]}>
      <Icon name={icon} size={14} /> {words.name[way]}
    </button>
  )
}

function Files({ files, way, onLook }: { files: readonly TurnFile[]; way: Way; onLook: () => void }) {
  if (files.length === 0) return <p>{words.nothing}</p>
  const look = (file: TurnFile) => {
    onLook()
    lookAt(file.path, words.compared[way], [words.now, words.after], [file.now, file.then])
  }
  return (
    <>
      <p>{words.what[way]}</p>
      <ul class="turn-files">
        {files.map((file) => (
          <li key={file.path}>
            <button type="button" class="quiet" onClick={() => look(file)} title={words.look(file.path)}>
              <span class="path">{file.path}</span>
              {file.act && <span class={`turn-act ${file.act}`}>{words.becomes(file.act, file.to)}</span>}
              {file.added > 0 && <span class="num added">+{file.added}</span>}
              {file.removed > 0 && <span class="num removed">−{file.removed}</span>}
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

function lookAt(path: string, title: string, labels: [string, string], [before, after]: [string, string]) {
  // No document: what is compared is what was previewed, and is not followed.
  compare({ path, document: null, title, labels, before, after, row: null, again: async () => {} })
}

// --- what is undecided ----------------------------------------------------------------------------------------------

function Undecided({ live, turn, mine }: { live: Live; turn: Id; mine: readonly Proposal[] }) {
  const [busy, setBusy] = useState(false)
  const all = async (op: 'turn.accept' | 'turn.reject') => {
    setBusy(true)
    await tell(live.call(op, { turn }))
    setBusy(false)
  }
  const files = mine.filter((one) => one.act)
  const waits = mine.some((one) => one.waiting)
  return (
    <section class="turn-open" aria-label={words.undecided}>
      <p>
        <span>{words.open(new Set(mine.map((one) => one.path)).size, waits)}</span>
        <button type="button" class="yes" disabled={busy} onClick={() => void all('turn.accept')}>
          {words.acceptAll}
        </button>
        <button type="button" class="no" disabled={busy} onClick={() => void all('turn.reject')}>
          {words.rejectAll}
        </button>
      </p>
      {files.length > 0 && (
        <ul>
          {files.map((one) => (
            <FileAct key={one.id} live={live} one={one} />
          ))}
        </ul>
      )}
    </section>
  )
}

function FileAct({ live, one }: { live: Live; one: Proposal }) {
  const act = one.act ?? 'create'
  const lines = one.hunks[0]?.lines ?? []
  const off = deciding.value.has(one.id) || one.writing
  const decide = async (verdict: 'accept' | 'reject') => {
    deciding.value = new Set([...deciding.peek(), one.id])
    await tell(live.call(`proposal.${verdict}`, { proposal: one.id, hunks: 'all' }))
    deciding.value = new Set([...deciding.peek()].filter((id) => id !== one.id))
  }
  const look = () => lookAt(one.path, words.would[act](one.to ?? ''), [words.now, words.after], ['', text(lines)])
  const told = (
    <>
      <span class="path">{one.path}</span>
      <span class="turn-act">{words.would[act](one.to ?? '')}</span>
      {act === 'create' && <span class="num added">+{lines.length}</span>}
    </>
  )
  return (
    <li>
      {act === 'create' ? (
        <button type="button" class="quiet" onClick={look} title={words.look(one.path)}>
          {told}
        </button>
      ) : (
        <span class="turn-told">{told}</span>
      )}
      <button
        type="button"
        class="yes icon"
        aria-label={words.acceptOf(one.path)}
        title={words.acceptOf(one.path)}
        disabled={off}
        onClick={() => void decide('accept')}
      >
        <Icon name="check" size={14} />
      </button>
      <button
        type="button"
        class="no icon"
        aria-label={words.rejectOf(one.path)}
        title={words.rejectOf(one.path)}
        disabled={off}
        onClick={() => void decide('reject')}
      >
        <Icon name="x" size={14} />
      </button>
    </li>
  )
}

const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')
