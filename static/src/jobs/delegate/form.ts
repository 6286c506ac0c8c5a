// The form that delegates: which kinds an endpoint can do, what is missing, what is sent. No components here.
import type { Endpoint, Id, Models, TreeEntry } from '../../wire'

export type Kind = 'map' | 'agent'

export interface Draft {
  instruction: string
  kind: Kind
  paths: ReadonlySet<string>
  endpoint: number | null // null: the default one
  limits: Limits
  approve?: boolean // its plan waits for somebody's word
}

export const LIMITS = ['minutes', 'steps', 'tokens', 'dollars'] as const
export type Limit = (typeof LIMITS)[number]
/** What the job may use before it asks; what is not said is the server's to choose. */
export type Limits = Partial<Record<Limit, number>>

export const LONGEST = 20_000
export const MOST_FILES = 500

export type Missing = 'instruction' | 'long' | 'files' | 'many' | 'tools' | 'model'

export function endpointOf(draft: Pick<Draft, 'endpoint'>, models: Models | null): Endpoint | null {
  const wanted = draft.endpoint ?? models?.default
  return models?.endpoints.find((one) => one.id === wanted) ?? null
}

/** What keeps the draft from being sent, in the order of the form; empty when it can go. */
export function missing(draft: Draft, models: Models | null): Missing[] {
  const endpoint = endpointOf(draft, models)
  const found: (Missing | false)[] = [
    !draft.instruction.trim() && 'instruction',
    draft.instruction.length > LONGEST && 'long',
    draft.kind === 'map' && draft.paths.size === 0 && 'files',
    draft.kind === 'map' && draft.paths.size > MOST_FILES && 'many',
    !endpoint && 'model',
    draft.kind === 'agent' && endpoint?.drives_tools === false && 'tools',
  ]
  return found.filter((one) => one !== false)
}

export interface Request {
  kind: Kind
  instruction: string
  paths: string[]
  endpoint?: number
  session?: Id
  budget?: Limits
  approve_plan?: boolean
}

export function request(draft: Draft): Request {
  const paths = draft.kind === 'map' ? [...draft.paths].sort() : []
  const asked: Request = { kind: draft.kind, instruction: draft.instruction.trim(), paths }
  if (draft.endpoint !== null) asked.endpoint = draft.endpoint
  if (Object.keys(draft.limits).length) asked.budget = draft.limits
  if (draft.kind === 'agent' && draft.approve) asked.approve_plan = true
  return asked
}

/** Files that can be given to a job and whose path has every word of the filter, in the tree's order. */
export function choices(entries: readonly TreeEntry[], filter: string): string[] {
  const wanted = filter.toLowerCase().split(/\s+/).filter(Boolean)
  return entries
    .filter((entry) => entry.kind === 'file' && !entry.problem)
    .map((entry) => entry.path)
    .filter((path) => wanted.every((word) => path.toLowerCase().includes(word)))
}

/** Files whose whole path matches one of the patterns and none that begins with an exclamation mark. */
export function globbed(entries: readonly TreeEntry[], patterns: string): string[] {
  const all = patterns.split(/[\s]+|,(?![^{]*})/).filter(Boolean)
  const wanted = all.filter((one) => !one.startsWith('!')).map(globOf)
  const left = all.filter((one) => one.startsWith('!')).map((one) => globOf(one.slice(1)))
  if (!wanted.length) return []
  return choices(entries, '').filter(
    (path) => wanted.some((one) => one.test(path)) && !left.some((one) => one.test(path)),
  )
}

const SIGNS = /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[.+^$()|[\]\\{}]/g

/** `*` within a folder, `**` across folders, `?` one character, `{a,b}` one of them; a name alone is found in any folder. */
export function globOf(pattern: string): RegExp {
  const said = pattern.replace(/^\//, '').replace(/\/$/, '/**')
  const anywhere = !pattern.includes('/') ? '(?:.*/)?' : ''
  return new RegExp(`^${anywhere}${source(said)}$`)
}

function source(said: string): string {
  return said.replace(SIGNS, (sign) => {
    if (sign === '**/') return '(?:.*/)?'
    if (sign === '**') return '.*'
    if (sign === '*') return '[^/]*'
    if (sign === '?') return '[^/]'
    if (sign.length > 1) return `(?:${sign.slice(1, -1).split(',').map(source).join('|')})`
    return `\\${sign}`
  })
}
