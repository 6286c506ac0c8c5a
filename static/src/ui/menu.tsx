import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface MenuItem {
  label: string
  run: () => void
  hint?: string
  disabled?: boolean
  why?: string
}
interface Props {
  button: ComponentChildren
  items: MenuItem[]
  label?: string
  class?: string
  up?: boolean
  left?: boolean
}

// A button that opens a list of acts. Arrow keys move, Escape and a click elsewhere close, focus goes back.
export function Menu({ button, items, label, class: cls = 'quiet', up, left }: Props) {
  const open = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const close = () => {
    open.value = false
    box.current?.querySelector('button')?.focus()
  }
  useEffect(() => {
    if (!open.value) return
    box.current?.querySelector<HTMLElement>('[role=menuitem]:not(:disabled)')?.focus()
    const away = (e: Event) => {
      if (!box.current?.contains(e.target as Node)) open.value = false
    }
    addEventListener('pointerdown', away)
    return () => removeEventListener('pointerdown', away)
  }, [open.value])
  const onKeyDown = (e: KeyboardEvent) => {
    if (!open.value) return
    if (e.key === 'Escape') {
      e.stopPropagation()
      close()
    }
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return
    e.preventDefault()
    const all = [...(box.current?.querySelectorAll<HTMLElement>('[role=menuitem]:not(:disabled)') ?? [])]
    const at = all.indexOf(document.activeElement as HTMLElement) + (e.key === 'ArrowDown' ? 1 : -1)
    all[(at + all.length) % all.length]?.focus()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys bubble up from the items
    <div class="menu" ref={box} onKeyDown={onKeyDown}>
      <button
        type="button"
        class={cls}
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-label={label}
        title={label}
        onClick={() => {
          open.value = !open.value
        }}
      >
        {button}
      </button>
      {open.value && (
        <div class={`menu-list${up ? ' up' : ''}${left ? ' left' : ''}`} role="menu">
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              disabled={item.disabled}
              title={item.why}
              onClick={() => {
                close()
                item.run()
              }}
            >
              {item.label}
              {item.hint && <small>{item.hint}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
