// The menu of quick actions, at the cursor or where the pointer asked for it. Arrow keys move, Escape and a click
// elsewhere close, the focus goes back to the text.
import type { EditorView } from '@codemirror/view'
import { render } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { openInline } from '../../sessions/inline/inline'
import { toast } from '../../ui/toast'
import { quick as words } from '../../ui/words/editing'
import { keyText, runCommand } from '../../workspace/commands'
import type { Live } from '../../workspace/live'
import type { OpenDocument } from '../open'
import { act, obstacle } from './acts'

interface Row {
  label: string
  hint?: string
  why?: string
  run: () => void
}
interface Point {
  left: number
  top: number
  bottom: number
}

let host: HTMLElement | null = null

function close(): void {
  if (host) render(null, host)
  host?.remove()
  host = null
}

export function openMenu(doc: OpenDocument, now: Live, at: Point, clipboard: boolean): void {
  close()
  const { view } = doc
  if (!view) return
  host = document.createElement('div')
  document.body.append(host)
  const groups = clipboard ? [actions(doc, now), editing(view)] : [actions(doc, now)]
  render(<Menu groups={groups} at={at} back={() => view.focus()} />, host)
}

function actions(doc: OpenDocument, now: Live): Row[] {
  const row = (label: string, kind: Parameters<typeof act>[2], hint?: string): Row => ({
    label,
    hint,
    why: obstacle(doc, now, kind),
    run: () => act(doc, now, kind),
  })
  const edit = { label: words.edit, hint: keyText('Mod-k'), why: obstacle(doc, now, 'edit') }
  return [
    row(words.explain, 'explain', words.inSession),
    row(words.tests, 'tests', words.inSession),
    row(words.document, 'document'),
    row(words.fix, 'fix'),
    { ...edit, run: () => openInline(doc, now) },
    { label: words.comment, hint: keyText('Mod-Alt-m'), run: () => runCommand('comment.begin') },
  ]
}

/** What the browser's own menu would have had. */
function editing(view: EditorView): Row[] {
  const copy = (cut: boolean) => () => {
    view.focus()
    if (!document.execCommand(cut ? 'cut' : 'copy')) toast(words.copyFailed, 'warn')
  }
  const paste = () =>
    navigator.clipboard.readText().then(
      (text) => {
        view.dispatch(view.state.replaceSelection(text.replace(/\r\n?/g, '\n').toWellFormed()), {
          userEvent: 'input.paste',
          scrollIntoView: true,
        })
      },
      () => toast(words.pasteKey(keyText('Mod-v')), 'warn'),
    )
  const empty = view.state.selection.main.empty
  const rows: Row[] = [{ label: words.copy, hint: keyText('Mod-c'), run: copy(false) }]
  if (!view.state.readOnly) {
    rows.unshift({ label: words.cut, hint: keyText('Mod-x'), run: copy(true) })
    rows.push({ label: words.paste, hint: keyText('Mod-v'), run: () => void paste() })
  }
  return rows.filter((row) => !empty || row.label === words.paste)
}

function Menu({ groups, at, back }: { groups: Row[][]; at: Point; back: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    if (box.current) place(box.current, at)
  }, [])
  useEffect(() => {
    const away = (event: Event) => {
      if (!(event.target instanceof Node && box.current?.contains(event.target))) close() // a resize is the window's
    }
    const types = ['pointerdown', 'focusin', 'wheel', 'resize', 'blur'] as const
    for (const type of types) addEventListener(type, away)
    return () => {
      for (const type of types) removeEventListener(type, away)
    }
  }, [])
  const keys = (event: KeyboardEvent) => {
    const all = [...(box.current?.querySelectorAll<HTMLElement>('[role=menuitem]:not(:disabled)') ?? [])]
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus()
    else if (event.key === 'Escape' || event.key === 'Tab') {
      close()
      back()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  const run = (row: Row) => {
    close()
    back()
    row.run()
  }
  return (
    <div ref={box} class="menu-list quick-menu" role="menu" aria-label={words.menu} popover="manual" onKeyDown={keys}>
      {groups.map((rows, n) => (
        <div key={n} role="group">
          {rows.map((row) => (
            <button
              key={row.label}
              type="button"
              role="menuitem"
              disabled={!!row.why}
              title={row.why}
              onClick={() => run(row)}
            >
              {row.label}
              {row.hint && <small>{row.hint}</small>}
            </button>
          ))}
        </div>
      ))}
    </div>
  )
}

const GAP = 4

function place(list: HTMLElement, at: Point): void {
  list.showPopover?.()
  const { offsetWidth: width, offsetHeight: height } = list
  const below = at.bottom + GAP
  const top = below + height > innerHeight - GAP ? at.top - GAP - height : below
  list.style.top = `${Math.max(GAP, top)}px`
  list.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - width - GAP))}px`
  list.querySelector<HTMLElement>('[role=menuitem]:not(:disabled)')?.focus()
}
