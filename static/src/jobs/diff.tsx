// One file's difference, read only: unified, or the two sides beside each other.
import './diff.css'
import { LanguageDescription } from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { useEffect, useRef } from 'preact/hooks'
import { look } from '../documents/look'
import { words } from '../ui/words/around'
import type { ReviewFile } from '../wire'
import { DIFF } from './changes'

export type Layout = 'unified' | 'split'

interface Props {
  file: Pick<ReviewFile, 'path' | 'base' | 'proposed'>
  layout: Layout
}

interface Shown {
  views: EditorView[]
  destroy: () => void
}

const COLLAPSE = { margin: 3, minSize: 6 }

export function Diff({ file: { path, base, proposed }, layout }: Props) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!box.current) return
    const language = new Compartment()
    const shown = draw(box.current, { base, proposed, layout }, [language.of([]), reading(path)])
    let gone = false
    LanguageDescription.matchFilename(languages, path)
      ?.load()
      .then(
        (support) => {
          if (!gone) for (const view of shown.views) view.dispatch({ effects: language.reconfigure(support) })
        },
        () => undefined, // without its grammar the text is plain, and as readable
      )
    return () => {
      gone = true
      shown.destroy()
    }
  }, [path, base, proposed, layout])
  return <div class="diff" ref={box} data-layout={layout} />
}

function reading(path: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': path }),
    EditorView.lineWrapping,
    EditorState.phrases.of({ '$ unchanged lines': words.review.unchangedLines }),
    lineNumbers(),
    look,
  ]
}

function draw(
  parent: HTMLElement,
  { base, proposed, layout }: { base: string; proposed: string; layout: Layout },
  extensions: Extension[],
): Shown {
  if (layout === 'split') {
    const side = (doc: string) => ({ doc, extensions })
    const merge = new MergeView({
      a: side(base),
      b: side(proposed),
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
  const view = new EditorView({ parent, doc: proposed, extensions: [...extensions, against] })
  return { views: [view], destroy: () => view.destroy() }
}
