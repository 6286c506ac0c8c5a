// Quick open and the command palette: one box; '>' switches to commands.

import { signal, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { later } from '../ui/lazy'
import { words } from '../ui/words/shell'
import { keyText, listCommands } from './commands'
import * as files from './files'
import { finding as open } from './find'
import { shownName } from './tree-model'

const MOST = 60

type Rank = typeof import('./fuzzy').rank
// The box takes the keys at once; until the finder is here, what stands in the names as it is typed is found.
const ranking = signal<Rank>(plainly)
const load = later(async () => {
  const { rank } = await import('./fuzzy')
  ranking.value = rank
})

function plainly(text: string, haystack: string[], most: number): number[] {
  const found = haystack.flatMap((name, at) => (name.toLowerCase().includes(text.toLowerCase()) ? [at] : []))
  return found.slice(0, most)
}

interface Choice {
  id: string
  title: string
  note: string
  key?: string
  run: () => void
}

function fileChoices(text: string): Choice[] {
  const paths = (files.tree.value?.entries ?? []).filter((e) => e.kind === 'file' && !e.problem).map((e) => e.path)
  return ranking.value(text, paths, MOST).map((at) => {
    const path = paths[at]!
    const cut = path.lastIndexOf('/')
    return {
      id: path,
      title: shownName(path.slice(cut + 1)),
      note: shownName(path.slice(0, Math.max(cut, 0))),
      run: () => void files.openFile(path),
    }
  })
}

function commandChoices(text: string): Choice[] {
  const all = listCommands().sort((a, b) => a.title.localeCompare(b.title))
  return ranking
    .value(
      text,
      all.map((c) => c.title),
      MOST,
    )
    .map((at) => {
      const { id, title, key, run } = all[at]!
      return { id, title, note: '', ...(key && { key: keyText(key) }), run }
    })
}

export function Palette() {
  return open.value === null ? null : <Box start={open.value} />
}

function Box({ start }: { start: string }) {
  const text = useSignal(start)
  const at = useSignal(0)
  const box = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => box.current?.showModal(), []) // at once: the next key is already for the box
  useEffect(() => void load().catch(() => {}), []) // without it, names are found plainly
  const choices = text.value.startsWith('>')
    ? commandChoices(text.value.slice(1).trim())
    : fileChoices(text.value.trim())
  const close = () => {
    open.value = null
  }
  const pick = (choice: Choice | undefined) => {
    if (!choice) return
    box.current?.close() // gives the focus back, before the choice takes it
    close()
    queueMicrotask(choice.run)
  }
  const step = (by: number) => {
    at.value = (at.value + by + choices.length) % Math.max(1, choices.length)
    queueMicrotask(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }))
  }
  const onKeyDown = (e: KeyboardEvent) => {
    const acts: Record<string, () => void> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      Enter: () => pick(choices[at.value]),
    }
    const run = acts[e.key]
    if (!run) return
    e.preventDefault()
    run()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={box}
      class="palette"
      aria-label={words.palette}
      onClose={close}
      onClick={(e) => e.target === box.current && close()}
    >
      <input
        autofocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={choices.length ? `palette-${at.value}` : undefined}
        aria-label={words.paletteHint}
        placeholder={words.paletteHint}
        spellcheck={false}
        value={text.value}
        onInput={(e) => {
          text.value = e.currentTarget.value
          at.value = 0
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id="palette-list" role="listbox" aria-label={words.palette}>
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the box above
          <div
            key={choice.id}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at.value}
            onMouseMove={() => (at.value = index)}
            onClick={() => pick(choice)}
          >
            <span>{choice.title}</span>
            <small class="faint">{choice.note}</small>
            {choice.key && <kbd>{choice.key}</kbd>}
          </div>
        ))}
        {!choices.length && <p class="side-note">{words.noMatch}</p>}
      </div>
    </dialog>
  )
}
