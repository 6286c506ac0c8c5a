import type { Problem } from '../wire'
import { Refusal } from './http'

/** A thrown value as a problem: what the server said, or that it could not be asked. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem
  return { code: 'bug', message: error instanceof Error ? error.message : String(error), do: 'Try again.' }
}
