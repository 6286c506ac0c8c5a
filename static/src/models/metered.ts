// The meters as the server has them.
import { get } from '../net/http'
import type { Meters } from '../wire-models'
import type { Live } from '../workspace/live'

export const ask = (live: Live) => get<Meters>(`/workspaces/${live.id}/meters`)
