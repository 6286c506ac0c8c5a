// What the composer can do now, and why not. Pure.

import { words } from '../ui/words/sessions'
import type { Endpoint, Models, Role, Turn } from '../wire'

export interface Situation {
  role: Role
  models: Models | null
  connection: 'connecting' | 'live' | 'offline' | 'moving' | 'refused'
  running: Turn | null
  text: string
  busy: boolean
}

export interface Mode {
  primary: 'send' | 'steer' | 'redirect' | 'queue' // what Enter does
  canAct: boolean // the primary button works
  canStop: boolean // a turn runs and this person may stop it
  canType: boolean
  why: string // why the primary button does not work; '' if it does
  blocked: boolean // nothing the person can type changes that
}

/** Roles that may start, steer and interrupt a model; the host asks again. */
export function mayTurn(role: Role): boolean {
  return role === 'owner' || role === 'maintainer' || role === 'editor'
}

// An inline edit cannot be told something in its middle: it starts again from what is written. A block that is being
// put into a file can only be waited for.
const PRIMARY = { session: 'steer', inline: 'redirect', apply: 'queue' } as const

export function modeOf(now: Situation): Mode {
  const primary = now.running ? PRIMARY[now.running.kind] : 'send'
  const may = mayTurn(now.role)
  const bar = obstacle(now)
  const why = bar || (now.busy ? words.why.busy : now.text.trim() ? '' : words.why.empty)
  const canStop = may && now.running !== null && now.connection === 'live'
  return {
    primary,
    canAct: why === '',
    canStop,
    canType: may && now.models?.endpoints.length !== 0,
    why,
    blocked: bar !== '',
  }
}

/** What stands in the way whatever is typed. */
function obstacle({ role, models, connection }: Situation): string {
  if (!mayTurn(role)) return words.why.role(role)
  if (connection === 'offline' || connection === 'moving' || connection === 'refused') return words.why.offline
  if (connection === 'connecting' || !models) return words.why.connecting
  return models.endpoints.length ? '' : words.why.noModel
}

/** The endpoint a turn will use: the one picked if it still exists, else the default. */
export function endpointOf(models: Models | null, picked: number | null): Endpoint | null {
  const all = models?.endpoints ?? []
  return all.find((one) => one.id === picked) ?? all.find((one) => one.id === models?.default) ?? all[0] ?? null
}
