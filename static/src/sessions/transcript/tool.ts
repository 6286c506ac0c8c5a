// What a tool's card shows: what was asked and what came back, taken apart. Pure.
import { words } from '../../ui/words/library'
import type { Of } from './rows'

export type ToolData = Of<'tool'>['data']

export type Detail =
  | { kind: 'command'; command: string; output: string }
  | { kind: 'read'; path: string; lines: readonly string[]; rest: string }
  | { kind: 'hits'; hits: readonly Hit[]; rest: string }
  | { kind: 'files'; paths: readonly string[]; rest: string }
  | { kind: 'patch'; files: readonly PatchedFile[]; told: string }
  | { kind: 'plain'; input: string; output: string }

export interface Hit {
  path: string
  line: number
  text: string
}
export interface PatchedFile {
  verb: 'Update' | 'Add' | 'Delete' | 'Move'
  path: string
  lines: readonly { sign: '+' | '-' | ' ' | '@'; text: string }[]
  added: number
  removed: number
}

export function detailOf(data: ToolData): Detail {
  const { name, input, output, ok } = data
  if (name === 'run_command') return { kind: 'command', command: input, output: ranOutput(output) }
  if (name === 'apply_patch' && input) return { kind: 'patch', files: patchOf(input), told: output }
  if (ok === false || output === '') return { kind: 'plain', input, output }
  if (name === 'read_file') return { kind: 'read', path: data.path ?? input, ...numbered(output) }
  if (name === 'search') return { kind: 'hits', ...hitsOf(output) }
  if (name === 'list_files') return filesOf(data)
  return { kind: 'plain', input, output }
}

/** The tool and what it was about: "Read", "a.py:3–9". */
export function titleOf(data: ToolData): { verb: string; about: string } {
  const { name, path, input, result } = data
  const verb = words.tool[name] ?? capital(name.replace(/[_.-]+/g, ' '))
  const lines =
    name === 'read_file' && result?.first !== undefined && result.last !== undefined
      ? words.lines(result.first, result.last)
      : ''
  const about = path ? `${path}${lines}` : (input.trim().split('\n')[0] ?? '')
  return { verb, about }
}

/** What came of it, in a word or two: the exit code, how much was found. */
export function outcomeOf({ name, ok, result }: ToolData): string {
  if (ok === null) return words.isRunning
  if (name === 'run_command' && result && 'code' in result)
    return result.code == null ? words.stopped : result.code === 0 ? words.ranOk : words.exit(result.code)
  if (!ok) return words.failed
  if (result?.count !== undefined) return name === 'list_files' ? words.files(result.count) : words.found(result.count)
  return ''
}

/** Why it failed, in a line: what people must not have to open the card for. */
export function reasonOf(data: ToolData): string {
  if (data.ok !== false) return ''
  const text = data.name === 'run_command' ? ranOutput(data.output) : data.output
  const lines = text.split('\n').filter((line) => line.trim())
  return (data.name === 'run_command' ? lines.at(-1) : lines[0]) ?? ''
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The output without the line about the end of the command, which the card says itself. */
function ranOutput(output: string): string {
  return output.replace(/^\([^\n]*\d s[^\n]*\)\n/, '')
}

function numbered(output: string): { lines: string[]; rest: string } {
  const lines: string[] = []
  const rest: string[] = []
  for (const line of output.split('\n')) (/^\d+\t/.test(line) ? lines : rest).push(line)
  return { lines, rest: rest.join('\n').trim() }
}

function hitsOf(output: string): { hits: Hit[]; rest: string } {
  const hits: Hit[] = []
  const rest: string[] = []
  for (const line of output.split('\n')) {
    const [, path, at, text] = /^(.+?):(\d+): ?(.*)$/.exec(line) ?? []
    if (path && at) hits.push({ path, line: Number(at), text: text ?? '' })
    else if (line.trim()) rest.push(line)
  }
  return { hits, rest: rest.join('\n') }
}

function filesOf({ input, output, result }: ToolData): Detail {
  const lines = output.split('\n').filter(Boolean)
  if (result?.count === 0 || result?.count === undefined) return { kind: 'plain', input, output }
  const paths = lines.filter((line) => !line.startsWith('… '))
  return { kind: 'files', paths, rest: lines.length > paths.length ? '…' : '' }
}

const FILE = /^\*\*\* (Update|Add|Delete) File: (.+)$/

/** The files of a patch (V4A), each with its lines. */
export function patchOf(patch: string): PatchedFile[] {
  const files: (PatchedFile & { lines: { sign: '+' | '-' | ' ' | '@'; text: string }[] })[] = []
  for (const line of patch.split('\n')) {
    const [, verb, path] = FILE.exec(line) ?? []
    const file = files.at(-1)
    if (verb && path) {
      files.push({ verb: verb as PatchedFile['verb'], path: path.trim(), lines: [], added: 0, removed: 0 })
    } else if (file && line.startsWith('*** Move to: ')) {
      file.verb = 'Move'
      file.lines.push({ sign: '@', text: `→ ${line.slice(13).trim()}` })
    } else if (file && !line.startsWith('***')) put(file, line)
  }
  for (const { lines } of files) while (lines.at(-1)?.sign === ' ' && lines.at(-1)?.text === '') lines.pop()
  return files
}

function put(file: PatchedFile & { lines: { sign: '+' | '-' | ' ' | '@'; text: string }[] }, line: string): void {
  if (line.startsWith('@@')) file.lines.push({ sign: '@', text: line.slice(2).trim() })
  else if (line.startsWith('+')) {
    file.added++
    file.lines.push({ sign: '+', text: line.slice(1) })
  } else if (line.startsWith('-')) {
    file.removed++
    file.lines.push({ sign: '-', text: line.slice(1) })
  } else file.lines.push({ sign: ' ', text: line.startsWith(' ') ? line.slice(1) : line })
}
