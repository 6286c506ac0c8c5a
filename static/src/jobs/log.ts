// What a job says, as lines. Everything in here came from a model or a command: it is data, and nothing in it may act
// on the page or hide from the reader, so control and direction characters are shown as signs.
import type { JobEvent } from '../wire'

export interface Line {
  id: number
  kind: 'phase' | 'log' | 'tool' | 'step' | 'text' | 'state'
  text: string
  bad: boolean
  at: string
}

const DELETE = 0x7f
const CONTROL_PICTURES = 0x2400
// Left alone: tab and line feed. Direction marks, isolates, joiners of no width, line and paragraph separators.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** The text with every character a reader could not see shown as a sign: ␛ for escape, ‹202E› for a direction mark. */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(HIDDEN, (sign) => {
    const code = sign.charCodeAt(0)
    if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code)
    if (code === DELETE) return '\u2421'
    return `‹${code.toString(16).toUpperCase().padStart(4, '0')}›`
  })
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
      return line('tool', [words(data, 'name'), words(data, 'input'), words(data, 'output')].filter(Boolean).join('\n'), failed)
    case 'phase':
      return line('phase', words(data, 'phase', 'text', 'name'))
    case 'state':
      return line('state', [words(data, 'state', 'text'), words(data, 'error')].filter(Boolean).join(': '), failed)
    case 'text':
      return line('text', words(data, 'text'))
    default:
      return line('log', words(data, 'text', 'message', 'line', 'output'), data.tone === 'bad' || failed)
  }
}

export function linesOf(events: readonly JobEvent[]): Line[] {
  return events.map(lineOf).filter((line) => line !== null)
}
