import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from './icon'

export interface MenuItem {
  label: string
  run: () => void
  hint?: string
  disabled?: boolean
  why?: string
  detail?: string // a second line
  checked?: boolean // one of several of which one is chosen
  tone?: 'warn'
}
interface Props {
  button: ComponentChildren
  items: MenuItem[]
  label?: string
  class?: string
  up?: boolean
  left?: boolean
  tabIndex?: number
}

const GAP = 4

// Below the button, its right edges in line; above or to the right where there is no room. In the browser's top layer,
// so that no scrolling parent cuts it off.
function place(list: HTMLElement, button: HTMLElement, up = false, left = false) {
  list.showPopover?.()
  const at = button.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = list
  const below = at.bottom + GAP
  const above = at.top - GAP - height
  const top = (up && above >= GAP) || below + height > innerHeight - GAP ? Math.max(GAP, above) : below
  const start = left || at.right - width < GAP ? at.left : at.right - width
  list.style.top = `${top}px`
  list.style.left = `${Math.max(GAP, Math.min(start, innerWidth - width - GAP))}px`
}

// A button that opens a list of acts. Arrow keys move, Escape and a click elsewhere close, focus goes back.
export function Menu({ button, items, label, class: cls = 'quiet', up, left, tabIndex }: Props) {
  const open = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const close = () => {
    open.value = false
    box.current?.querySelector('button')?.focus()
  }
  useLayoutEffect(() => {
    const trigger = box.current?.querySelector('button')
    if (!list.current || !trigger) return
    place(list.current, trigger, up, left)
    list.current.querySelector<HTMLElement>('[role^=menuitem]:not(:disabled)')?.focus() // the next key is its own
  }, [open.value])
  useEffect(() => {
    if (!open.value) return
    const away = (e: Event) => {
      if (!(e.target instanceof Node && box.current?.contains(e.target))) open.value = false // a resize is the window's
    }
    const types = ['pointerdown', 'focusin', 'wheel', 'resize']
    for (const type of types) addEventListener(type, away)
    return () => {
      for (const type of types) removeEventListener(type, away)
    }
  }, [open.value])
  const onKeyDown = (e: KeyboardEvent) => {
    if (!open.value) return
    if (e.key === 'Escape') {
      e.stopPropagation()
      e.preventDefault() // a dialog around it stays open
      close()
    }
    if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return
    e.preventDefault()
    const all = [...(box.current?.querySelectorAll<HTMLElement>('[role^=menuitem]:not(:disabled)') ?? [])]
    const at = all.indexOf(document.activeElement as HTMLElement) + (e.key === 'ArrowDown' ? 1 : -1)
    all[(at + all.length) % all.length]?.focus()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys bubble up from the items
    <div class="menu" ref={box} onKeyDown={onKeyDown}>
      <button
        type="button"
        class={cls}
        tabIndex={tabIndex}
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
        <div ref={list} class="menu-list" role="menu" popover="manual">
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              {...(item.checked === undefined
                ? { role: 'menuitem' }
                : { role: 'menuitemradio', 'aria-checked': item.checked })}
              disabled={item.disabled}
              title={item.why}
              onClick={() => {
                close()
                item.run()
              }}
            >
              {item.checked !== undefined && <i>{item.checked && <Icon name="check" size={14} />}</i>}
              <span>
                {item.label}
                {item.detail && <em>{item.detail}</em>}
              </span>
              {item.hint && <small class={item.tone}>{item.hint}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
