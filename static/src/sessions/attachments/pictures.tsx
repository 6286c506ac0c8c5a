// Pictures of a message: small ones in the composer and the transcript, one large when asked for.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/composer'
import type { Id, Picture } from '../../wire'
import { live } from '../../workspace/live'
import './pictures.css'
import { pictureUrl, sent } from './send'

/** One on its way: its file shown from memory, `share` of it sent. */
export interface Coming {
  key: number
  name: string
  url: string
  share: number
}

let keys = 0

/** What was not added and why, and what could be done about it. */
export interface Trouble {
  text: string
  act?: { label: string; run: () => void } | undefined
}

/** Pictures being sent, and how to send more. What arrived is handed to `take`, why one did not to `fail`. */
export function useComing(workspace: Id, take: (picture: Picture) => void, fail: (why: Trouble) => void) {
  const [coming, set] = useState<Coming[]>([])
  const gone = useRef(new Set<number>())
  const left = useRef(false)
  useEffect(() => () => void (left.current = true), [])
  const drop = (key: number) => {
    gone.current.add(key)
    set((was) => was.filter((one) => one.key !== key))
  }
  const add = async (file: File) => {
    const one: Coming = { key: ++keys, name: file.name, url: URL.createObjectURL(file), share: 0 }
    set((was) => [...was, one])
    const progress = (share: number) =>
      set((was) => was.map((other) => (other.key === one.key ? { ...other, share } : other)))
    try {
      const picture = await sent(workspace, file, progress)
      if (!gone.current.has(one.key) && !left.current) take(picture)
    } catch (error) {
      if (!gone.current.has(one.key) && !left.current) fail({ text: (error as Error).message })
    }
    URL.revokeObjectURL(one.url)
    drop(one.key)
  }
  return { coming, add, drop }
}

/** Why something was not added, until something else is done. */
export function TroubleLine({ text, act, close }: Trouble & { close: () => void }) {
  return (
    <p class="composer-why trouble" role="alert">
      <Icon name="triangle-alert" size={14} /> <span>{text}</span>
      {act && (
        <button
          type="button"
          onClick={() => {
            close()
            act.run()
          }}
        >
          {act.label}
        </button>
      )}
      <button type="button" class="quiet icon-button" aria-label={words.dismiss} title={words.dismiss} onClick={close}>
        <Icon name="x" size={12} />
      </button>
    </p>
  )
}

interface StripProps {
  workspace: Id
  list: readonly Picture[]
  coming: readonly Coming[]
  remove: (picture: Picture) => void
  drop: (key: number) => void
}

/** What the message will show, each with a way to take it away. */
export function PictureStrip({ workspace, list, coming, remove, drop }: StripProps) {
  return (
    <ul class="pictures" aria-label={words.pictures}>
      {list.map((picture, n) => (
        <li key={picture.id}>
          <Thumbnail workspace={workspace} picture={picture} n={n + 1} />
          <Away label={words.remove(words.picture(n + 1))} run={() => remove(picture)} />
        </li>
      ))}
      {coming.map((one) => (
        <li key={one.key}>
          <span class="picture coming" title={words.uploading(one.name, one.share)}>
            <img src={one.url} alt="" />
            <progress value={one.share} aria-label={words.uploading(one.name, one.share)} />
          </span>
          <Away label={words.remove(one.name)} run={() => drop(one.key)} />
        </li>
      ))}
    </ul>
  )
}

function Away({ label, run }: { label: string; run: () => void }) {
  return (
    <button type="button" class="picture-x" aria-label={label} title={label} onClick={run}>
      <Icon name="x" size={12} />
    </button>
  )
}

/** The pictures of a message that was sent. */
export function Pictures({ list }: { list: readonly Picture[] }) {
  const workspace = live.peek()?.id
  if (!workspace) return null
  return (
    <ul class="pictures" aria-label={words.pictures}>
      {list.map((picture, n) => (
        <li key={picture.id}>
          <Thumbnail workspace={workspace} picture={picture} n={n + 1} />
        </li>
      ))}
    </ul>
  )
}

function Thumbnail({ workspace, picture, n }: { workspace: Id; picture: Picture; n: number }) {
  const [gone, setGone] = useState(false)
  const [large, setLarge] = useState(false)
  const url = pictureUrl(workspace, picture)
  const size = words.size(picture.width, picture.height)
  if (gone)
    return (
      <span class="picture gone" role="img" aria-label={words.pictureGone} title={words.pictureGone}>
        <Icon name="ban" size={14} />
      </span>
    )
  return (
    <>
      <button
        type="button"
        class="picture"
        title={`${words.larger(n)} (${size})`}
        aria-label={`${words.larger(n)} (${size})`}
        onClick={() => setLarge(true)}
      >
        <img src={url} alt="" loading="lazy" width={64} height={64} onError={() => setGone(true)} />
      </button>
      {large && <Large url={url} label={words.picture(n)} size={size} close={() => setLarge(false)} />}
    </>
  )
}

function Large({ url, label, size, close }: { url: string; label: string; size: string; close: () => void }) {
  const box = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => box.current?.showModal(), [])
  return (
    <dialog
      ref={box}
      class="picture-large"
      aria-label={`${label}, ${size}`}
      onClose={close}
      onClick={(event) => event.target === box.current && box.current?.close()}
      onKeyDown={(event) => event.stopPropagation()} // its keys are not the transcript's: Escape closes it
    >
      <img src={url} alt={label} />
      <footer>
        <span class="num">
          {label} · {size}
        </span>
        <button type="button" class="quiet icon" aria-label={words.closePicture} onClick={() => box.current?.close()}>
          <Icon name="x" />
        </button>
      </footer>
    </dialog>
  )
}
