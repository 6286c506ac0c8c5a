// The code of comforts.ts.
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completeAnyWord,
  completionKeymap,
  completionStatus,
} from '@codemirror/autocomplete'
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap, searchPanelOpen } from '@codemirror/search'
import { EditorState, type Extension, Prec } from '@codemirror/state'
import { keymap } from '@codemirror/view'
import { words } from '../ui/words/shell'

export const comforts: Extension = [
  closeBrackets(),
  autocompletion({ activateOnTyping: false, override: [completeAnyWord] }),
  highlightSelectionMatches(),
  search({ top: true }),
  EditorState.phrases.of(words.finding),
  Prec.high(keymap.of([...closeBracketsKeymap, ...searchKeymap, ...completionKeymap])),
]

export const popup = (state: EditorState) => completionStatus(state) !== null || searchPanelOpen(state)
export const openSearch = openSearchPanel
