// The editor around the text: gutters, brackets, search, completion from words, language by file name.
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completeAnyWord,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, indentWithTab } from '@codemirror/commands'
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  indentUnit,
  LanguageDescription,
  type LanguageSupport,
} from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
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
import { words } from '../ui/words/shell'
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
  closeBrackets(),
  autocompletion({ activateOnTyping: false, override: [completeAnyWord] }),
  rectangularSelection(),
  crosshairCursor(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  EditorState.phrases.of(words.finding),
  keymap.of([
    ...closeBracketsKeymap,
    ...defaultKeymap,
    ...searchKeymap,
    ...foldKeymap,
    ...completionKeymap,
    indentWithTab,
  ]),
  look,
]

export const languageName = (path: string) =>
  LanguageDescription.matchFilename(languages, path.split('/').pop() ?? '')?.name ?? 'Plain text'

export async function loadLanguage(path: string): Promise<LanguageSupport | null> {
  const found = LanguageDescription.matchFilename(languages, path.split('/').pop() ?? '')
  return found ? found.load() : null
}

// The file's own habit: tabs, or the smallest step of leading spaces among its first lines.
export function indentOf(text: string): Extension {
  const lines = text.split('\n', 400)
  if (lines.some((line) => line.startsWith('\t'))) return indentUnit.of('\t')
  const steps = lines.map((line) => line.match(/^ +(?=\S)/)?.[0].length ?? 0).filter((n) => n > 1)
  const step = steps.length ? Math.min(...steps) : 4
  return indentUnit.of(' '.repeat(step > 8 ? 4 : step))
}
