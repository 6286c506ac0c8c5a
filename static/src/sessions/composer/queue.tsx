// What waits to be said when the running turn has ended: edited in place, moved by drag or keys, removed, sent now.
import type { TargetedKeyboardEvent } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Avatar } from '../../ui/avatar'
import { Icon } from '../../ui/icon'
import { Menu, type MenuItem } from '../../ui/menu'
import { words } from '../../ui/words/queue'
import type { Id, QueueEntry, Turn } from '../../wire'
import type { Live } from '../../workspace/live'
import { editEntry, moveEntry, removeEntry, resumeQueue, sendEntry } from '../acts'
import './queue.css'
import { say } from '../say'

const DRAGGED = 'application/x-tandem-queue'

interface Props {
  live: Live
  queue: readonly QueueEntry[]
  running: Turn | null
  may: boolean
}

export function Queue({ live, queue, running, may }: Props) {
  const [edited, setEdited] = useState<Id | null>(null)
  const [over, setOver] = useState<Id | 'end' | null>(null)
  const list = useRef<HTMLOListElement>(null)
  const focus = (at: number) => list.current?.querySelectorAll<HTMLElement>(':scope > li')[at]?.focus()
  const head = queue[0]
  if (!head) return null

  const move = async (entry: QueueEntry, to: number) => {
    const others = queue.filter((one) => one.id !== entry.id)
    if (to < 0 || to > others.length) return
    if (await moveEntry(live, entry.id, others[to]?.id ?? null)) say(words.says.moved(to + 1, queue.length))
  }
  const remove = async (entry: QueueEntry, at: number) => {
    if (!(await removeEntry(live, entry.id))) return
    say(words.says.removed)
    focus(Math.max(0, at - 1))
  }
  const keys = (event: TargetedKeyboardEvent<HTMLLIElement>, entry: QueueEntry, at: number) => {
    if (!may || event.target !== event.currentTarget) return
    const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0
    if (step && event.altKey) void move(entry, at + step)
    else if (step) focus(at + step)
    else if (event.key === 'Enter' || event.key === 'F2') setEdited(entry.id)
    else if (event.key === 'Delete') void remove(entry, at)
    else return
    event.preventDefault()
  }
  const drop = (event: DragEvent, at: number) => {
    const id = event.dataTransfer?.getData(DRAGGED)
    const from = queue.findIndex((one) => one.id === id)
    const entry = queue[from]
    setOver(null)
    if (!entry) return
    event.preventDefault()
    event.stopPropagation()
    void move(entry, at > from ? at - 1 : at)
  }
  const dragOver = (event: DragEvent, place: Id | 'end') => {
    if (!may || !event.dataTransfer?.types.includes(DRAGGED)) return
    event.preventDefault()
    event.stopPropagation()
    setOver(place)
  }
  return (
    <section class="queue" aria-label={words.title}>
      <header>
        <h3>
          {words.title} <span class="num">{words.count(queue.length)}</span>
        </h3>
        <p class={head.held ? 'warn' : ''}>
          {head.held && <Icon name="pause" size={12} />} {head.held || words.waits}
        </p>
        {head.held && !running && (
          <button
            type="button"
            title={words.resumeTitle}
            disabled={!may}
            onClick={() => void resumeQueue(live, head.session)}
          >
            {words.resume}
          </button>
        )}
      </header>
      <ol ref={list} onDragLeave={(event) => event.target === list.current && setOver(null)}>
        {queue.map((entry, at) => (
          <li
            key={entry.id}
            class={over === entry.id ? 'over' : ''}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it is reached by keyboard to be moved
            tabIndex={0}
            draggable={may && edited !== entry.id}
            aria-label={words.entry(entry.text, entry.by.name, at + 1, queue.length)}
            aria-description={may ? words.keys : undefined}
            onKeyDown={(event) => keys(event, entry, at)}
            onDragStart={(event) => {
              event.dataTransfer?.setData(DRAGGED, entry.id)
              if (event.dataTransfer) event.dataTransfer.effectAllowed = 'move'
            }}
            onDragEnd={() => setOver(null)}
            onDragOver={(event) => dragOver(event, entry.id)}
            onDrop={(event) => drop(event, at)}
          >
            <Icon name="grip-vertical" size={12} />
            <Avatar person={entry.by} size={16} />
            {edited === entry.id ? (
              <Edit
                entry={entry}
                save={(text) => editEntry(live, entry.id, text)}
                close={() => {
                  setEdited(null)
                  focus(at)
                }}
              />
            ) : (
              <Said entry={entry} held={at > 0} />
            )}
            {may && edited !== entry.id && (
              <Acts
                {...{ live, entry, running, at, of: queue.length }}
                edit={() => setEdited(entry.id)}
                move={(to) => void move(entry, to)}
                remove={() => void remove(entry, at)}
              />
            )}
          </li>
        ))}
      </ol>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a place to drop, keys do the same */}
      <div
        class={over === 'end' ? 'queue-end over' : 'queue-end'}
        onDragOver={(event) => dragOver(event, 'end')}
        onDrop={(event) => drop(event, queue.length)}
      />
    </section>
  )
}

/** The first one's reason stands above the list. */
function Said({ entry, held: shown }: { entry: QueueEntry; held: boolean }) {
  const { changed, mentions, pictures, held } = entry
  const about = [entry.by.name]
  if (changed) about.push(changed.how === 'edited' ? words.edited(changed.by.name) : words.moved(changed.by.name))
  if (mentions.length) about.push(words.mentions(mentions.length))
  if (pictures.length) about.push(words.pictures(pictures.length))
  return (
    <div class="queue-said">
      <p title={entry.text}>{entry.text}</p>
      <small>
        {about.join(' · ')}
        {shown && held && <em title={held}> · {held}</em>}
      </small>
    </div>
  )
}

interface ActsProps {
  live: Live
  entry: QueueEntry
  running: Turn | null
  at: number
  of: number
  edit: () => void
  move: (to: number) => void
  remove: () => void
}

function Acts({ live, entry, running, at, of, edit, move, remove }: ActsProps) {
  const send: MenuItem[] = running
    ? [
        {
          label: words.sendSteer,
          run: () => void sendEntry(live, entry.id, 'steer', running.id),
          disabled: running.kind !== 'session' || entry.pictures.length > 0,
        },
        { label: words.sendRedirect, run: () => void sendEntry(live, entry.id, 'redirect', running.id) },
      ]
    : [{ label: words.sendStart, run: () => void sendEntry(live, entry.id, 'start') }]
  return (
    <div class="queue-acts">
      <Menu
        button={<Icon name="ellipsis" size={14} />}
        class="quiet icon-button"
        label={words.send}
        up
        items={[
          ...send,
          { label: words.edit, run: edit, hint: 'Enter' },
          { label: words.up, run: () => move(at - 1), hint: 'Alt+↑', disabled: at === 0 },
          { label: words.down, run: () => move(at + 1), hint: 'Alt+↓', disabled: at === of - 1 },
        ]}
      />
      <button type="button" class="quiet icon-button" title={words.remove} aria-label={words.remove} onClick={remove}>
        <Icon name="x" size={14} />
      </button>
    </div>
  )
}

interface EditProps {
  entry: QueueEntry
  save: (text: string) => Promise<boolean>
  close: () => void
}

function Edit({ entry, save, close }: EditProps) {
  const [text, setText] = useState(entry.text)
  const box = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => box.current?.focus(), [])
  const done = async () => {
    if (!text.trim()) return
    if (text === entry.text || (await save(text))) close()
  }
  const keys = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    event.stopPropagation()
    if (event.key === 'Escape') {
      event.preventDefault()
      close()
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      void done()
    }
  }
  return (
    <div class="queue-edit">
      <textarea
        ref={box}
        rows={Math.min(6, text.split('\n').length + 1)}
        aria-label={words.editLabel}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <button type="button" class="primary" disabled={!text.trim()} onClick={() => void done()}>
        {words.save}
      </button>
      <button type="button" onClick={close}>
        {words.cancel}
      </button>
    </div>
  )
}
