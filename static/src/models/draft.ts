// What is typed into the form of a model: what a provider fills in, what is missing, what is sent, where a refusal
// belongs. Pure.
import { type Field, words } from '../ui/words/models'
import type { Problem } from '../wire'
import type { Dialect, EndpointSettings, ModelRole, ModelScope, Pool, Provider, RoleName } from '../wire-models'

export interface Draft {
  id: number | null // null: a new one
  scope: ModelScope
  name: string
  dialect: Dialect
  base_url: string
  model: string
  key: string | null // null: the one that is kept
  window: string
  price_input: string
  price_cached: string
  price_output: string
  pool: Pool
  limit_concurrent: string
  limit_requests: string
  limit_tokens: string
  drives_tools: boolean
  enabled: boolean
  extra: string
  roles: RoleName[] // of a new one: what it shall be used for first
  provider: string // of a new one: its id in the catalogue, OTHER, or '': not chosen yet
}
export type Faults = Partial<Record<Field, string>>

export const ROLES: RoleName[] = ['turn', 'think', 'inline', 'ghost', 'job', 'review']

/** The choice of who is none of the catalogue: everything is typed. */
export const OTHER = 'other'
const FILLED = ['name', 'dialect', 'base_url', 'model', 'window', 'pool'] as const

export const blank = (scope: ModelScope): Draft => ({
  id: null,
  scope,
  name: '',
  dialect: 'chat',
  base_url: '',
  model: '',
  key: '',
  window: '128000',
  price_input: '0',
  price_cached: '0',
  price_output: '0',
  pool: 'deep',
  limit_concurrent: '',
  limit_requests: '',
  limit_tokens: '',
  drives_tools: true,
  enabled: true,
  extra: '',
  roles: [],
  provider: '',
})

const limitOf = (limit: number) => (limit ? String(limit) : '')

export const draftOf = (row: EndpointSettings): Draft => ({
  ...blank(row.scope),
  id: row.id,
  name: row.name,
  dialect: row.dialect === 'scripted' ? 'chat' : row.dialect,
  base_url: row.base_url,
  model: row.model,
  key: row.has_key ? null : '',
  window: String(row.window),
  price_input: String(row.price.input),
  price_cached: String(row.price.cached),
  price_output: String(row.price.output),
  pool: row.pool,
  limit_concurrent: limitOf(row.limit_concurrent),
  limit_requests: limitOf(row.limit_requests),
  limit_tokens: limitOf(row.limit_tokens),
  drives_tools: row.drives_tools,
  enabled: row.enabled,
  extra: Object.keys(row.extra).length ? JSON.stringify(row.extra, null, 2) : '',
})

/** What is known of a provider, as it is typed. */
const known = (one: Provider): Partial<Draft> => {
  const { name, base_url, dialect, models, window, pool } = one
  return { name, base_url, dialect, model: models[0] ?? '', window: String(window), pool }
}

/** Fill in what is known of a provider. What was typed stays: only what is untouched, or came from the provider before,
 *  is replaced. */
export function choose(draft: Draft, all: Provider[], id: string): Draft {
  const plain = blank(draft.scope)
  const find = (which: string) => {
    const one = all.find(({ id }) => id === which)
    return { ...plain, ...(one && known(one)) }
  }
  const before = find(draft.provider)
  const next = find(id)
  const fill = FILLED.filter((name) => draft[name] === before[name] || draft[name] === plain[name])
  return { ...draft, ...Object.fromEntries(fill.map((name) => [name, next[name]])), provider: id }
}

export const LIMITS = [
  ['limit_concurrent', 10_000],
  ['limit_requests', 1_000_000],
  ['limit_tokens', 1_000_000_000],
] as const

/** Fields that stand under *Advanced*: also where a provider is that the catalogue knows, and the key none here wants. */
export const advanced = (draft: Draft, one: Provider | undefined): Field[] => [
  ...(one && !one.local ? (['base_url'] as const) : []),
  ...(one || draft.id !== null ? (['dialect'] as const) : []),
  ...(one?.local ? (['key'] as const) : []),
  ...(['window', 'pool', 'price_input', 'price_cached', 'price_output', 'extra'] as const),
  ...(['limit_concurrent', 'limit_requests', 'limit_tokens'] as const),
]

/** What cannot be sent, each beside its field. `one`: the provider, which answers nobody without a key. */
export function faultsOf(draft: Draft, one?: Provider): Faults {
  const faults: Faults = {}
  if (one && !one.local && draft.base_url === one.base_url && draft.key?.trim() === '') faults.key = words.faults.key
  for (const name of ['name', 'base_url', 'model'] as const) if (!draft[name].trim()) faults[name] = words.faults.empty
  if (draft.base_url.trim() && !/^https?:\/\/[^/\s]+/.test(draft.base_url.trim()))
    faults.base_url = words.faults.address
  const window = Number(draft.window)
  if (!Number.isInteger(window) || window < 1000 || window > 20_000_000) faults.window = words.faults.window
  for (const name of ['price_input', 'price_cached', 'price_output'] as const) {
    const price = Number(draft[name] || '0')
    if (!(price >= 0 && price <= 100_000)) faults[name] = words.faults.price
  }
  for (const [name, most] of LIMITS) {
    const limit = Number(draft[name] || '0')
    if (!Number.isInteger(limit) || limit < 0 || limit > most) faults[name] = words.faults.limit(most)
  }
  if (extraOf(draft) === null) faults.extra = words.faults.extra
  return faults
}

function extraOf({ extra }: Draft): Record<string, unknown> | null {
  if (!extra.trim()) return {}
  try {
    const value: unknown = JSON.parse(extra)
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** The body of POST (with the scope) or PATCH. */
export function bodyOf(draft: Draft) {
  return {
    ...(draft.id === null && { scope: draft.scope }),
    name: draft.name.trim(),
    dialect: draft.dialect,
    base_url: draft.base_url.trim(),
    model: draft.model.trim(),
    key: draft.key,
    window: Number(draft.window),
    drives_tools: draft.drives_tools,
    enabled: draft.enabled,
    extra: extraOf(draft) ?? {},
    price_input: draft.price_input || '0',
    price_cached: draft.price_cached || '0',
    price_output: draft.price_output || '0',
    pool: draft.pool,
    limit_concurrent: Number(draft.limit_concurrent || '0'),
    limit_requests: Number(draft.limit_requests || '0'),
    limit_tokens: Number(draft.limit_tokens || '0'),
  }
}

/** The field a refusal speaks of: the server names it, or its check of the input does. Else null: of the whole. */
export function fieldOf(problem: Problem & { field?: unknown }): Field | null {
  const named =
    typeof problem.field === 'string' ? problem.field : /^(?:body\.)*(\w+)[.\w]*: /.exec(problem.message)?.[1]
  return named && Object.hasOwn(words.fields, named) ? (named as Field) : null
}

export type State = 'off' | 'resting' | 'failed' | 'works' | 'untested'

export function stateOf(row: EndpointSettings, now: number, tried = false): State {
  if (!row.enabled) return 'off'
  if (row.resting_until && Date.parse(row.resting_until) > now) return 'resting'
  if (row.problem) return 'failed'
  return tried || row.probed_at || row.builtin || row.scripted ? 'works' : 'untested'
}

// --- roles: an ordered list for each role and scope -----------------------------------------------------------------

export type Entry = Pick<ModelRole, 'endpoint' | 'fall_over'>

export const entriesOf = (roles: ModelRole[], role: RoleName, scope: ModelRole['scope']): Entry[] =>
  roles
    .filter((one) => one.role === role && one.scope === scope)
    .map(({ endpoint, fall_over }) => ({ endpoint, fall_over }))

export function move(list: Entry[], from: number, by: -1 | 1): Entry[] {
  const to = from + by
  const moved = list[from]
  if (!moved || to < 0 || to >= list.length) return list
  const rest = list.filter((_, at) => at !== from)
  return [...rest.slice(0, to), moved, ...rest.slice(to)]
}
