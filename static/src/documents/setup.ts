// The editor around the text: gutters, folding, carets, keys. What may come a moment later is in comforts.ts.
import { defaultKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language'
import { EditorState, type Extension } from '@codemirror/state'
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from '@codemirror/view'
import { look } from './look'

export const setup: Extension = [
  // Documents have LF only. Without this, a stray CR would be a line break here and a character in Y.
  EditorState.lineSeparator.of('\n'),
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, '\n').toWellFormed()),
  lineNumbers(),
  foldGutter(),
  highlightSpecialChars(),
  drawSelection(),
  dropCursor(),
  EditorState.allowMultipleSelections.of(true),
  indentOnInput(),
  bracketMatching(),
  rectangularSelection(),
  crosshairCursor(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  keymap.of([...defaultKeymap, ...foldKeymap, indentWithTab]),
  look,
]

// The file's own habit: tabs, or the smallest step of leading spaces among its first lines.
export function indentOf(text: string): Extension {
  const lines = text.split('\n', 400)
  if (lines.some((line) => line.startsWith('\t'))) return indentUnit.of('\t')
  const steps = lines.map((line) => line.match(/^ +(?=\S)/)?.[0].length ?? 0).filter((n) => n > 1)
  const step = steps.length ? Math.min(...steps) : 4
  return indentUnit.of(' '.repeat(step > 8 ? 4 : step))
}
