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
  const name = useId()
  useLayoutEffect(() => {
    if (open && !box.current?.open) box.current?.showModal()
    if (!open && box.current?.open) box.current.close()
  }, [open])
  useLayoutEffect(() => {
    const dialog = box.current
    return () => dialog?.close() // taken away while open: the focus goes back all the same
  }, [])
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
