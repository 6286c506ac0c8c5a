// Types of the models settings: endpoints as their settings screen has them, and the roles they serve.
import type { Endpoint, Time } from './wire'

export type ModelScope = 'site' | 'team' | 'person'
export type Dialect = 'responses' | 'chat' | 'anthropic'
export type RoleName = 'turn' | 'inline' | 'ghost' | 'job' | 'review' | 'think'
export type Pool = 'fast' | 'deep'

// As probed; what is null or absent is unknown.
export interface Abilities {
  socket?: boolean | null
  lanes?: boolean | null
  steer?: boolean | null
  freeform?: boolean | null
  tools?: boolean | null
  streamed_tools?: boolean | null
  reasoning?: string | null
  usage?: 'none' | 'end' | null
  images?: boolean | null
  prediction?: boolean | null
  fim?: '' | 'suffix' | 'infill' | null
}
export interface EndpointSettings extends Endpoint {
  dialect: Dialect | 'scripted'
  base_url: string // '' for those who may not change it
  scope: ModelScope
  has_key: boolean
  enabled: boolean
  abilities: Abilities
  probed_at: Time | null
  extra: Record<string, unknown>
  price: { input: number; cached: number; output: number } // US dollars for a million tokens
  pool: Pool
  limit_concurrent: number // calls at once; 0: no limit, as below
  limit_requests: number // a minute
  limit_tokens: number // a minute, read and written
  may_change: boolean
}
export interface ModelRole {
  role: RoleName
  scope: 'site' | 'team'
  endpoint: number
  fall_over: boolean
}
export interface ModelSettings {
  endpoints: EndpointSettings[]
  roles: ModelRole[] // of each role and scope in order
  scopes: ModelScope[] // for whom this person may add one
  providers: Provider[]
}
/** What is known of a provider; its models: those that it is usually asked for. */
export interface Provider {
  id: string
  name: string
  base_url: string
  dialect: Dialect
  models: string[]
  window: number
  pool: Pool
  local: boolean // on this machine: it wants no key
}
export interface Trial {
  ttft_ms: number | null
  tokens_per_s: number | null
  tokens: number
  text: string
  limits: Record<string, string>
}
export interface Used {
  tokens: number
  cost: number // US dollars
}
// What models have used in this workspace's team, pool by pool.
export interface Meters {
  pools: {
    pool: Pool | 'gone' // gone: of endpoints that were removed
    today: { yours: Used; team: Used }
    month: { yours: Used; team: Used }
    running: number // calls
  }[]
  uncounted: boolean // limits cannot be counted now
}
