// What sending the draft takes of the model's window and what it costs, counted by the host before anything is sent.
import { useEffect, useState } from 'preact/hooks'
import { words } from '../ui/words/sessions'
import type { Estimate as Counted, Id, Mention } from '../wire'
import type { Live } from '../workspace/live'
import './estimate.css'

const PAUSE = 400 // ms without typing
const NEAR = 0.8 // of the window: amber from here

interface Props {
  live: Live
  session: Id | null
  text: string
  mentions: Mention[]
  endpoint: number | undefined
}

export function Estimate(props: Props) {
  const counted = useCounted(props)
  if (!counted) return null
  const { tokens, window, reply, cost, priced } = counted
  if (tokens + reply > window)
    return (
      <p class="composer-why bad" role="status">
        {words.estimateOver(tokens, window)}
      </p>
    )
  const near = tokens + reply > window * NEAR
  return (
    <p class={near ? 'composer-why num warn' : 'composer-why num'} title={words.estimateTitle(reply)}>
      {words.estimate(tokens, window, priced ? cost : null)}
    </p>
  )
}

/** The newest count; the last one stays while the next is on its way, so that nothing jumps. */
function useCounted({ live, session, text, mentions, endpoint }: Props): Counted | null {
  const [counted, set] = useState<Counted | null>(null)
  const connected = live.connection.value === 'live'
  const draft = text.trim()
  useEffect(() => {
    if (!draft || !connected) {
      set(null)
      return
    }
    let gone = false
    const ask = async () => {
      const where = { ...(session ? { session } : {}), ...(endpoint === undefined ? {} : { endpoint }) }
      // Whatever is wrong is told when it is sent; a figure that is missing is not worth a message.
      const answer = await live.call('session.estimate', { ...where, text: draft, mentions }).catch(() => null)
      if (!gone) set(answer)
    }
    const timer = setTimeout(() => void ask(), PAUSE)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [live, session, draft, mentions, endpoint, connected])
  return counted
}
