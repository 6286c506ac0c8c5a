// What is known of how a turn ran.
import { words } from '../ui/words/sessions'
import type { Turn } from '../wire'

/** Endpoint, first token, speed, and of an ended turn tokens and cost: what is known of them. */
export function figures(turn: Turn): string {
  const known = [turn.endpoint]
  if (turn.ttft_ms !== null) known.push(words.firstToken(turn.ttft_ms))
  if (turn.tokens_per_s !== null) known.push(words.speed(turn.tokens_per_s))
  if (turn.state !== 'running' && turn.output_tokens > 0) {
    known.push(words.turnTokens(turn.input_tokens, turn.output_tokens))
    if (turn.cost !== null) known.push(words.money(turn.cost))
  }
  return known.filter(Boolean).join(' · ')
}
