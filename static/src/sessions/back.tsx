// Taking a whole turn back, and bringing it back again: what would change in which file is shown before it is done.
import { useState } from 'preact/hooks'
import { compare } from '../history/compared'
import { Dialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words } from '../ui/words/back'
import type { Id, TurnFile } from '../wire'
import type { Live } from '../workspace/live'
import { tell } from './acts'

interface Props {
  live: Live
  turn: Id
  undone: boolean
}

export function Back({ live, turn, undone }: Props) {
  const [files, setFiles] = useState<readonly TurnFile[] | null>(null)
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const show = async () => {
    setFiles(null)
    setOpen(true)
    const answer = await tell(live.call('turn.preview', { turn }))
    if (answer) setFiles(answer.files)
    else setOpen(false)
  }
  const act = async () => {
    setBusy(true)
    await tell(live.call(undone ? 'turn.redo' : 'turn.undo', { turn }))
    setBusy(false)
    setOpen(false)
  }
  const name = undone ? words.redo : words.undo
  return (
    <div class="turn-back">
      <button
        type="button"
        class="quiet"
        onClick={() => void show()}
        title={undone ? words.redoTitle : words.undoTitle}
      >
        <Icon name={undone ? 'redo-2' : 'undo-2'} size={14} /> {name}
      </button>
      <Dialog
        title={name}
        open={open}
        onClose={() => setOpen(false)}
        footer={
          files && files.length > 0 ? (
            <>
              <button type="button" onClick={() => setOpen(false)}>
                {words.leave}
              </button>
              <button type="button" class="primary" disabled={busy} onClick={() => void act()}>
                {words.act(undone, files.length)}
              </button>
            </>
          ) : undefined
        }
      >
        {files === null ? <Skeleton /> : <Files files={files} undone={undone} onLook={() => setOpen(false)} />}
      </Dialog>
    </div>
  )
}

function Files({ files, undone, onLook }: { files: readonly TurnFile[]; undone: boolean; onLook: () => void }) {
  if (files.length === 0) return <p>{words.nothing}</p>
  const look = (file: TurnFile) => {
    onLook()
    compare({
      path: file.path,
      document: file.document,
      title: words.compared(undone),
      labels: [words.now, words.after],
      before: file.now,
      after: file.then,
      row: null,
      again: async () => {},
    })
  }
  return (
    <>
      <p>{undone ? words.redoWhat : words.undoWhat}</p>
      <ul class="turn-files">
        {files.map((file) => (
          <li key={file.document}>
            <button type="button" class="quiet" onClick={() => look(file)} title={words.look(file.path)}>
              <span class="path">{file.path}</span>
              <span class="num added">+{file.added}</span>
              <span class="num removed">−{file.removed}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}
