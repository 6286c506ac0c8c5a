import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from './icon'

interface Props {
  title: string
  open: boolean
  onClose: () => void
  footer?: ComponentChildren
  children: ComponentChildren
}

// A native modal dialog: the browser keeps the focus inside and gives it back afterwards.
export function Dialog({ title, open, onClose, footer, children }: Props) {
  const box = useRef<HTMLDialogElement>(null)
  const from = useRef<HTMLElement | null>(null)
  const name = useId()
  useLayoutEffect(() => {
    if (open && !box.current?.open) {
      from.current = document.activeElement as HTMLElement | null
      box.current?.showModal()
    }
    if (!open && box.current?.open) box.current.close()
  }, [open])
  // Taken away while open, as when its act is done: the browser gives no focus back, so it is done here.
  useLayoutEffect(
    () => () => {
      if (document.activeElement === document.body) from.current?.focus()
    },
    [],
  )
  return (
    <dialog ref={box} class="dialog" aria-labelledby={name} onClose={onClose}>
      {open && (
        <>
          <header>
            <h2 id={name}>{title}</h2>
            <button type="button" class="quiet icon" aria-label="Close" onClick={() => box.current?.close()}>
              <Icon name="x" />
            </button>
          </header>
          <div class="body">{children}</div>
          {footer && <footer>{footer}</footer>}
        </>
      )}
    </dialog>
  )
}
