// Streaming markdown. What is finished is never read again: only the text from the last top-level block on is lexed.
import { Lexer, type Token, type Tokens } from 'marked'

/** Fenced code blocks as the host counts them (agents/engine/edits/fenced.py): by whole lines, whatever stands around. */
export interface Fences {
  readonly count: number // opened so far
  readonly open: string // the fence that is open, or ''
}

export interface Block {
  readonly token: Token
  readonly before: Fences
  readonly after: Fences
}

export interface Blocks {
  readonly source: string // everything given so far
  readonly done: readonly Block[] // finished: these objects stay the same
  readonly tail: readonly Block[] // the last block or two, which may still change
  readonly rest: string // the text `tail` was read from, line ends as \n
  readonly lexed: number // characters given to the lexer in all, for the test that keeps this linear
}

const NONE: Blocks = { source: '', done: [], tail: [], rest: '', lexed: 0 }

/** The blocks of `text`. Cheap if `text` continues what `before` was made from; from the start if it does not. */
export function blocksOf(text: string, before: Blocks = NONE): Blocks {
  if (text === before.source) return before
  if (!text.startsWith(before.source)) return blocksOf(text)
  const added = text.slice(before.source.length)
  const rest = before.rest + added.replace(/\r\n?/g, '\n')
  return split(text, rest, before)
}

function split(source: string, rest: string, before: Blocks): Blocks {
  const tokens = new Lexer({ gfm: true }).lex(rest)
  const open = firstOpen(tokens)
  const done = [...before.done]
  let fences = done.at(-1)?.after ?? NO_FENCES
  let read = 0
  const put = (token: Token, into: Block[]) => {
    const block = { token, before: fences, after: fencesAfter(token.raw, fences) }
    fences = block.after
    if (token.type !== 'space') into.push(block)
  }
  for (const token of tokens.slice(0, open)) {
    read += token.raw.length
    put(token, done)
  }
  const tail: Block[] = []
  for (const token of tokens.slice(open)) put(token, tail)
  return { source, done, tail, rest: rest.slice(read), lexed: before.lexed + rest.length }
}

/** Where the tokens begin that may still change: the last block, and the one before while that has no whole line yet (a
 * "2" behind a list may become its next item). */
function firstOpen(tokens: readonly Token[]): number {
  const solid = tokens.flatMap((token, at) => (token.type === 'space' ? [] : [at]))
  const last = solid.at(-1) ?? 0
  return tokens[last]?.raw.includes('\n') ? last : (solid.at(-2) ?? last)
}

const NO_FENCES: Fences = { count: 0, open: '' }
const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/

export function fencesAfter(raw: string, before: Fences): Fences {
  let { count, open } = before
  for (const line of raw.split('\n')) {
    const [, fence, info] = FENCE.exec(line) ?? []
    if (!fence) continue
    if (!open) {
      open = fence
      count++
    } else if (fence[0] === open[0] && fence.length >= open.length && !info) open = ''
  }
  return { count, open }
}

/** Which of the host's fenced blocks this block is, from 0; -1 if it is none of them. */
export function fenceOf({ token, before }: Block): number {
  return token.type === 'code' && isFenced(token as Tokens.Code) && before.open === '' ? before.count : -1
}

function isFenced(token: Tokens.Code): boolean {
  return token.codeBlockStyle !== 'indented'
}

/** Whether the closing fence has arrived. */
export function isClosed(token: Tokens.Code): boolean {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(token.raw)?.[1]
  if (!fence) return true
  const last = token.raw.trimEnd().split('\n').at(-1)?.trim() ?? ''
  return token.raw.includes('\n') && last.length >= fence.length && last === (fence[0] ?? '').repeat(last.length)
}

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** The address if a link may lead there, else null: only whole http, https and mailto addresses. */
export function safeAddress(href: string): string | null {
  try {
    const url = new URL(href)
    return SCHEMES.has(url.protocol) ? url.href : null
  } catch {
    return null
  }
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

/** Text of a token as characters: the common entities and numeric ones decoded, everything else left as written. */
export function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (all, decimal, hex, name) => {
    if (name) return ENTITIES[String(name).toLowerCase()] ?? all
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : all
  })
}
