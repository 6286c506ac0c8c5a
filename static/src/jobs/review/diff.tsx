// One file's difference, read only: unified, or the two sides beside each other.
import './diff.css'
import { LanguageDescription } from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import type { Signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { look } from '../../documents/look'
import { words } from '../../ui/words/around'
import type { ReviewFile } from '../../wire'
import { type Bar, bars, show } from './bars'
import { DIFF } from './changes'

export type Layout = 'unified' | 'split'

interface Props {
  file: Pick<ReviewFile, 'path' | 'base' | 'proposed'>
  layout: Layout
  at?: Signal<number | null> // a line of the second text, from 0, to be shown
  onLine?: (line: number) => void // a click on the number of a line of the second text
  bars?: readonly Bar[] // the changes to take or leave, of the second text
  onBar?: (id: string) => void
}

interface Shown {
  views: EditorView[]
  destroy: () => void
}

const COLLAPSE = { margin: 3, minSize: 6 }

export function Diff({ file: { path, base, proposed }, layout, at, onLine, bars: all, onBar }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const click = useRef(onLine)
  click.current = onLine
  const press = useRef(onBar)
  press.current = onBar
  const drawn = useRef<Shown | null>(null)
  useEffect(() => {
    if (!box.current) return
    const language = new Compartment()
    const shown = draw(box.current, { base, proposed, layout }, [language.of([]), reading(path)], {
      line: () => click.current,
      bars: bars((id) => press.current?.(id), layout === 'unified'),
    })
    drawn.current = shown
    let gone = false
    LanguageDescription.matchFilename(languages, path)
      ?.load()
      .then(
        (support) => {
          if (!gone) for (const view of shown.views) view.dispatch({ effects: language.reconfigure(support) })
        },
        () => undefined, // without its grammar the text is plain, and as readable
      )
    const stop = at?.subscribe((line) => {
      if (line !== null) reveal(shown.views.at(-1), line)
    })
    return () => {
      gone = true
      stop?.()
      shown.destroy()
    }
  }, [path, base, proposed, layout])
  useEffect(() => {
    show(drawn.current?.views.at(-1), all ?? [])
  }, [path, base, proposed, layout, all?.map(({ id, taken, dim, on }) => `${id}${taken}${dim}${on}`).join()])
  return <div class="diff" ref={box} data-layout={layout} />
}

function reading(path: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': path }),
    EditorView.lineWrapping,
    EditorState.phrases.of({ '$ unchanged lines': words.review.unchangedLines }),
    look,
  ]
}

function reveal(view: EditorView | undefined, line: number) {
  if (!view) return
  const from = view.state.doc.line(Math.max(1, Math.min(view.state.doc.lines, line + 1))).from
  view.dispatch({ effects: EditorView.scrollIntoView(from, { y: 'center' }) })
}

/** Line numbers that can be clicked, where somebody listens. */
function numbers(listener: () => ((line: number) => void) | undefined): Extension {
  const mousedown = (view: EditorView, block: { from: number }) => {
    listener()?.(view.state.doc.lineAt(block.from).number - 1)
    return listener() !== undefined
  }
  return lineNumbers({ domEventHandlers: { mousedown } })
}

function draw(
  parent: HTMLElement,
  { base, proposed, layout }: { base: string; proposed: string; layout: Layout },
  extensions: Extension[],
  second: { line: () => ((line: number) => void) | undefined; bars: Extension },
): Shown {
  if (layout === 'split') {
    const side = (doc: string, gutter: Extension) => ({ doc, extensions: [...extensions, gutter] })
    const merge = new MergeView({
      a: side(base, lineNumbers()),
      b: side(proposed, [numbers(second.line), second.bars]),
      parent,
      diffConfig: DIFF,
      collapseUnchanged: COLLAPSE,
      gutter: true,
    })
    return { views: [merge.a, merge.b], destroy: () => merge.destroy() }
  }
  const against = unifiedMergeView({
    original: base,
    mergeControls: false,
    diffConfig: DIFF,
    collapseUnchanged: COLLAPSE,
    gutter: true,
    syntaxHighlightDeletions: true,
  })
  const view = new EditorView({
    parent,
    doc: proposed,
    extensions: [...extensions, numbers(second.line), second.bars, against],
  })
  return { views: [view], destroy: () => view.destroy() }
}
