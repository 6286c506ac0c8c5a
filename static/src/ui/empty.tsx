import type { ComponentChildren } from 'preact'

interface Props {
  title: string
  text?: ComponentChildren
  act?: { label: string; run: () => void }
}

export function Empty({ title, text, act }: Props) {
  return (
    <div class="empty">
      <b>{title}</b>
      {text && <p>{text}</p>}
      {act && (
        <button type="button" onClick={act.run}>
          {act.label}
        </button>
      )}
    </div>
  )
}
