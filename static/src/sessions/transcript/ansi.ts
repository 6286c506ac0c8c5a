// What a command printed as a terminal would show it: colours and weight as names, never as markup. Escape sequences that
// move, erase or rename are dropped; a line that was written over shows what was written last. Pure.

export interface Run {
  readonly text: string
  readonly style: string // class names: 'ansi-1', 'ansi-bold' …; '' for plain
}

interface Style {
  colour: number | null // 0 to 15
  bold: boolean
  dim: boolean
  italic: boolean
  underline: boolean
}

const PLAIN: Style = { colour: null, bold: false, dim: false, italic: false, underline: false }
// CSI …, OSC … up to BEL or ST, other strings up to ST, two-character sequences, and stray control characters.
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)|\x1b[ -/]*[0-~]?|\x9b([0-9;:?]*)([@-~])|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g

/** The lines of the output, each in runs of one style. */
export function terminalLines(text: string): Run[][] {
  let style = PLAIN
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => {
      const [runs, after] = styled(overwritten(line), style)
      style = after
      return runs
    })
}

/** What stays of a line in which the cursor went back to its beginning; sequences of colour before it stay. */
function overwritten(line: string): string {
  const parts = line.split('\r').filter((part, at, all) => part !== '' || at < all.length - 1)
  return parts.at(-1) || parts.findLast((part) => part !== '') || ''
}

function styled(line: string, from: Style): [Run[], Style] {
  const runs: Run[] = []
  let style = from
  let at = 0
  const put = (text: string) => {
    if (!text) return
    const last = runs.at(-1)
    const name = nameOf(style)
    if (last?.style === name) runs[runs.length - 1] = { text: last.text + text, style: name }
    else runs.push({ text, style: name })
  }
  for (const match of line.matchAll(ESCAPES)) {
    put(line.slice(at, match.index))
    at = match.index + match[0].length
    const [, params, end, params8, end8] = match
    if ((end ?? end8) === 'm') style = painted(style, params ?? params8 ?? '')
  }
  put(line.slice(at))
  return [runs, style]
}

function nameOf(style: Style): string {
  const names = style.colour === null ? [] : [`ansi-${style.colour}`]
  for (const name of ['bold', 'dim', 'italic', 'underline'] as const) if (style[name]) names.push(`ansi-${name}`)
  return names.join(' ')
}

/** The style after a sequence of codes; colours beyond the sixteen and backgrounds are left out. */
function painted(before: Style, params: string): Style {
  const codes = params.split(/[;:]/).map((code) => Number(code) || 0)
  let style = before
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0
    if (code === 38 || code === 48) {
      const eight = codes[at + 1] === 5
      const colour = codes[at + 2] ?? 0
      if (code === 38 && eight && colour < 16) style = { ...style, colour }
      at += eight ? 2 : 4
    } else style = one(style, code)
  }
  return style
}

function one(style: Style, code: number): Style {
  if (code === 0) return PLAIN
  if (code === 1) return { ...style, bold: true }
  if (code === 2) return { ...style, dim: true }
  if (code === 3) return { ...style, italic: true }
  if (code === 4) return { ...style, underline: true }
  if (code === 22) return { ...style, bold: false, dim: false }
  if (code === 23) return { ...style, italic: false }
  if (code === 24) return { ...style, underline: false }
  if (code === 39) return { ...style, colour: null }
  if (code >= 30 && code <= 37) return { ...style, colour: code - 30 }
  if (code >= 90 && code <= 97) return { ...style, colour: code - 82 }
  return style
}
