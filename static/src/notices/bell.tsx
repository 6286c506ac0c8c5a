// The bell in the header: how much is unread, and the list of it in a panel below.
import './bell.css'
import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../ui/icon'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/notices'
import { registerCommand } from '../workspace/commands'
import { refresh } from './push'
import { look, told } from './state'

const List = lazy(() => import('./list').then((part) => part.List))
const MOST = 99

export function Bell() {
  const open = useSignal(false)
  const box = useRef<HTMLSpanElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const unread = told.value?.unread ?? 0
  const close = () => {
    open.value = false
    box.current?.querySelector('button')?.focus()
  }
  useEffect(() => {
    void look()
    void refresh()
    registerCommand({ id: 'notices.open', title: words.title, run: () => (open.value = true) })
  }, [])
  useLayoutEffect(() => {
    if (!open.value || !panel.current) return
    panel.current.showPopover?.()
    panel.current.focus()
  }, [open.value])
  useEffect(() => {
    if (!open.value) return
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) open.value = false
    }
    // Of the window: what had the focus inside may be gone from the page by now.
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.stopPropagation()
      event.preventDefault()
      close()
    }
    addEventListener('pointerdown', away)
    addEventListener('keydown', leave, true)
    return () => {
      removeEventListener('pointerdown', away)
      removeEventListener('keydown', leave, true)
    }
  }, [open.value])
  return (
    <span class="bell" ref={box}>
      <button
        type="button"
        class="quiet icon"
        aria-label={words.open(unread)}
        title={words.open(unread)}
        aria-expanded={open.value}
        aria-haspopup="dialog"
        onClick={() => {
          open.value = !open.value
        }}
      >
        <Icon name="bell" size={16} />
        {unread > 0 && <em class="num">{unread > MOST ? `${MOST}+` : unread}</em>}
      </button>
      {open.value && (
        <div ref={panel} class="notices-panel" role="dialog" aria-label={words.title} tabIndex={-1} popover="manual">
          <List onClose={close} />
        </div>
      )}
    </span>
  )
}
