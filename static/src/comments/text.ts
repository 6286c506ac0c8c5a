// A comment's plain text as what is shown: text, links, mentions. Nothing in it is ever markup.

export type Part = { kind: 'text' | 'mention'; text: string } | { kind: 'link'; text: string; href: string }

const LINK = /https?:\/\/[^\s<>"'`]+/g
const TAIL = /[.,;:!?)\]}]+$/ // the sentence's, not the address's

/** The parts of a text, in order. `names` are the members' names, with which `@name` is a mention. */
export function partsOf(text: string, names: readonly string[]): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const found of text.matchAll(LINK)) {
    const shown = found[0].replace(TAIL, '')
    if (!URL.canParse(shown)) continue
    parts.push(...withMentions(text.slice(at, found.index), names), { kind: 'link', text: shown, href: shown })
    at = found.index + shown.length
  }
  return [...parts, ...withMentions(text.slice(at), names)]
}

function withMentions(text: string, names: readonly string[]): Part[] {
  if (!text) return []
  const known = [...names]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (!known.length) return [{ kind: 'text', text }]
  const parts: Part[] = []
  let at = 0
  for (const found of text.matchAll(
    new RegExp(`(?<![\\p{L}\\p{N}_])@(?:${known.join('|')})(?![\\p{L}\\p{N}_])`, 'giu'),
  )) {
    if (found.index > at) parts.push({ kind: 'text', text: text.slice(at, found.index) })
    parts.push({ kind: 'mention', text: found[0] })
    at = found.index + found[0].length
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) })
  return parts
}

/** What is being typed after an @ before the caret, or null: `{ from, word }`. */
export function mentionAt(text: string, caret: number): { from: number; word: string } | null {
  const found = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{N}_. -]{0,40})$/u.exec(text.slice(0, caret))
  return found ? { from: caret - found[1]!.length - 1, word: found[1]! } : null
}
