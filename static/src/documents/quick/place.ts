// What a quick action is about: the selection, else the definition around the cursor, else its line; and whether there
// is a syntax problem in it. From the editor's own parse, so only in languages it has a grammar for. Pure.
import { syntaxTree } from '@codemirror/language'
import type { EditorState } from '@codemirror/state'
import type { SyntaxNode } from '@lezer/common'
import { rangeOf } from '../../sessions/inline/edit'

export interface Range {
  from: number
  to: number
}
export interface Problem extends Range {
  line: number
  text: string // as the model is told
}

const DEFINES =
  /^(Function|Method|Class|Struct|Enum|Trait|Impl|Interface|Type)\w*(Definition|Declaration|Item|Spec|Specifier)$/
const AROUND = /^(DecoratedStatement|ExportDeclaration)$/
const MOST_LINES = 80

/** The definition whose first line, or inside, holds a position. */
export function definitionAt(state: EditorState, at: number): Range | null {
  const line = state.doc.lineAt(at)
  const start = Math.max(at, line.from + line.text.search(/\S|$/))
  let node: SyntaxNode | null = syntaxTree(state).resolveInner(Math.min(start, line.to), 1)
  while (node && !DEFINES.test(node.name)) node = node.parent
  if (!node) return null
  const whole = node.parent && AROUND.test(node.parent.name) ? node.parent : node
  const to = whole.from + state.sliceDoc(whole.from, whole.to).trimEnd().length
  return line.from <= to ? { from: state.doc.lineAt(whole.from).from, to } : null
}

export function rangeOfLine(state: EditorState, at: number): Range {
  const { from, to } = state.doc.lineAt(at)
  return { from, to }
}

export function placeOf(state: EditorState): Range {
  const { main } = state.selection
  return (main.empty && definitionAt(state, main.head)) || rangeOf(state)
}

/** The first place in these lines that the grammar cannot read. */
export function problemIn(state: EditorState, { from, to }: Range): Problem | null {
  const [first, last] = [state.doc.lineAt(from).from, state.doc.lineAt(to).to]
  let found: Range | null = null
  syntaxTree(state).iterate({
    from: first,
    to: last,
    enter: (node) => {
      if (found) return false
      if (node.type.isError && node.from >= first && node.from <= last) found = { from: node.from, to: node.to }
    },
  })
  if (!found) return null
  const error: Range = found
  const line = state.doc.lineAt(error.from)
  return { ...error, line: line.number, text: `in the line \`${line.text.trim().slice(0, 200)}\`` }
}

/** What is rewritten to fix it: the definition around it, if that is not too long, else a few lines. */
export function rangeToFix(state: EditorState, problem: Problem): Range {
  const around = definitionAt(state, problem.from)
  if (around && state.doc.lineAt(around.to).number - state.doc.lineAt(around.from).number < MOST_LINES) return around
  const line = (n: number) => state.doc.line(Math.max(1, Math.min(n, state.doc.lines)))
  return { from: line(problem.line - 2).from, to: line(problem.line + 2).to }
}
