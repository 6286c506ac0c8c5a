// Short notices in a corner. They stay while the pointer or the focus is on them.
import { signal } from '@preact/signals'
import { Icon } from './icon'

type Tone = 'info' | 'warn' | 'bad'
interface Notice {
  id: number
  text: string
  tone: Tone
  act?: { label: string; run: () => void }
}

export const notices = signal<Notice[]>([])
const timers = new Map<number, ReturnType<typeof setTimeout>>()
const SECONDS = { info: 5, warn: 9, bad: 12 }
let last = 0

const drop = (id: number) => {
  notices.value = notices.value.filter((n) => n.id !== id)
}
const arm = (n: Notice) =>
  timers.set(
    n.id,
    setTimeout(() => drop(n.id), SECONDS[n.tone] * 1000),
  )
const hold = (n: Notice) => clearTimeout(timers.get(n.id))

/** Show it; what is returned takes it away again. */
export function toast(text: string, tone: Tone = 'info', act?: Notice['act']): () => void {
  const there = notices.value.find((n) => n.text === text)
  if (there) return () => drop(there.id)
  const notice: Notice = { id: ++last, text, tone, ...(act && { act }) }
  notices.value = [...notices.value.slice(-3), notice]
  arm(notice)
  return () => drop(notice.id)
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notices.value.map((n) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: hovering only holds the timer
        <div
          key={n.id}
          class="toast"
          onMouseEnter={() => hold(n)}
          onMouseLeave={() => arm(n)}
          onFocusIn={() => hold(n)}
        >
          <span class={n.tone === 'info' ? 'muted' : n.tone}>
            <Icon name={n.tone === 'info' ? 'info' : 'triangle-alert'} />
          </span>
          <p>{n.text}</p>
          {n.act && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                drop(n.id)
                n.act?.run()
              }}
            >
              {n.act.label}
            </button>
          )}
          <button type="button" class="quiet icon" aria-label="Dismiss" onClick={() => drop(n.id)}>
            <Icon name="x" size={14} />
          </button>
        </div>
      ))}
    </div>
  )
}
