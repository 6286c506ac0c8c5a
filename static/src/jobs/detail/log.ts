// What a job says, as lines. Everything in here came from a model or a command: it is data, and nothing in it may act
// on the page or hide from the reader, so control and direction characters are shown as signs.
import { type Run, terminalLines } from '../../sessions/transcript/ansi'
import type { JobEvent } from '../../wire'

export interface Line {
  id: number
  kind: 'phase' | 'log' | 'tool' | 'step' | 'text' | 'state' | 'steer'
  text: string
  bad: boolean
  at: string
  runs?: Run[] // what a command printed, in a terminal's colours; `text` is the same without them
}

const ESCAPE = 0x1b
// Left alone: tab, line feed, and the joiners that scripts and emoji need.
const KEPT = new Set(['\t', '\n', '\u200c', '\u200d'])

/** The text with every character a reader could not see shown as a sign: ‹ESC›, or its number as in ‹202E›. */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => {
    const code = sign.codePointAt(0) ?? 0
    if (KEPT.has(sign)) return sign
    return code === ESCAPE ? '‹ESC›' : `‹${code.toString(16).toUpperCase().padStart(2, '0')}›`
  })
}

/** What a command printed, as a terminal would have shown it in the end; what is left of control signs is visible. */
function printed(text: string): Run[] {
  const lines = terminalLines(text.trimEnd()).map((line) =>
    line.map(({ text, style }) => ({ text: visible(text), style })),
  )
  return lines.flatMap((line, at) => (at ? [{ text: '\n', style: '' }, ...line] : line))
}

function words(data: Record<string, unknown>, ...names: string[]): string {
  for (const name of names) {
    const value = data[name]
    if (typeof value === 'string' && value) return value
  }
  return ''
}

/** The line an event makes in the log, or null for one that is shown elsewhere or says nothing. */
export function lineOf(event: JobEvent): Line | null {
  const { data } = event
  const line = (kind: Line['kind'], text: string, bad = false): Line | null =>
    text.trim() ? { id: event.id, kind, text: visible(text).trimEnd(), bad, at: event.created_at } : null
  const failed = data.ok === false || data.state === 'failed'
  switch (event.kind) {
    case 'step':
      return failed ? line('step', [words(data, 'name'), words(data, 'error')].filter(Boolean).join('\n'), true) : null
    case 'tool':
      return ran(event, [words(data, 'name'), words(data, 'input')].filter(Boolean).join('\n'), failed)
    case 'phase':
      return line('phase', words(data, 'phase', 'text', 'name'))
    case 'state':
      return line(
        'state',
        [words(data, 'state', 'text'), words(data, 'error', 'question')].filter(Boolean).join(': '),
        failed,
      )
    case 'steer':
      return line('steer', [words(data, 'by'), words(data, 'text')].filter(Boolean).join(': '))
    case 'text':
      return line('text', words(data, 'text'))
    default:
      return line('log', words(data, 'text', 'message', 'line', 'output'), data.tone === 'bad' || failed)
  }
}

function ran(event: JobEvent, head: string, bad: boolean): Line | null {
  const said = visible(head)
  const output = printed(words(event.data, 'output'))
  const text = [said, output.map((run) => run.text).join('')]
    .filter((part) => part.trim())
    .join('\n')
    .trimEnd()
  if (!text) return null
  const runs = output.length && said ? [{ text: `${said}\n`, style: '' }, ...output] : output
  return { id: event.id, kind: 'tool', text, bad, at: event.created_at, ...(output.length && { runs }) }
}

/** The lines of a log. Prose arrives in pieces: what was said without a pause is one line. */
export function linesOf(events: readonly JobEvent[]): Line[] {
  const joined: JobEvent[] = []
  for (const event of events) {
    const last = joined.at(-1)
    const text =
      last?.kind === 'text' && event.kind === 'text' ? words(last.data, 'text') + words(event.data, 'text') : ''
    if (last && text) joined[joined.length - 1] = { ...last, data: { text } }
    else joined.push(event)
  }
  return joined.map(lineOf).filter((line) => line !== null)
}
