// The context meter: how full the model's window would be with the draft, and what that costs, counted by the host before
// anything is sent. It opens to what fills it.
import { useEffect, useState } from 'preact/hooks'
import { words as context } from '../../ui/words/context'
import { words } from '../../ui/words/sessions'
import type { Context, Id, Mention } from '../../wire'
import type { Live } from '../../workspace/live'
import { runningTurn, type SessionView } from '../state'
import { ContextPanel } from './context'
import './estimate.css'

const PAUSE = 400 // ms without typing
const NEAR = 0.8 // of the window: amber from here
const NONE: readonly never[] = []

interface Props {
  live: Live
  session: Id | null
  text: string
  mentions: Mention[]
  endpoint: number | undefined
  pictures?: readonly { id: Id }[]
  view?: SessionView | null
}

export function Estimate(props: Props) {
  const counted = useCounted(props)
  const [open, setOpen] = useState(false)
  if (!counted) return null
  const { tokens, window, reply, cost, priced } = counted
  const over = tokens + reply > window
  const near = tokens + reply > window * NEAR
  const said = words.estimate(tokens, window, priced ? cost : null)
  const percent = Math.min(100, Math.round((100 * tokens) / window))
  return (
    <>
      {over && (
        <p class="composer-why bad" role="status">
          {words.estimateOver(tokens, window)}
        </p>
      )}
      <button
        type="button"
        class={over ? 'meter bad' : near ? 'meter warn' : 'meter'}
        aria-haspopup="dialog"
        aria-label={context.meter(said, percent)}
        title={words.estimateTitle(reply)}
        onClick={() => setOpen(true)}
      >
        <Ring percent={percent} />
        <span class="num">{said}</span>
      </button>
      {open && (
        <ContextPanel
          live={props.live}
          session={props.session}
          running={runningTurn(props.view ?? null) !== null}
          context={counted}
          pins={props.view?.pins ?? NONE}
          mentions={props.mentions}
          endpoint={props.endpoint}
          close={() => setOpen(false)}
        />
      )}
    </>
  )
}

const ROUND = 2 * Math.PI * 5

const Ring = ({ percent }: { percent: number }) => (
  <svg class="meter-ring" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
    <circle cx="7" cy="7" r="5" />
    <circle class="meter-full" cx="7" cy="7" r="5" stroke-dasharray={`${(ROUND * percent) / 100} ${ROUND}`} />
  </svg>
)

/** The newest count; the last one stays while the next is on its way, so that nothing jumps. */
function useCounted({ live, session, text, mentions, endpoint, pictures, view }: Props) {
  const [counted, set] = useState<Context | null>(null)
  const connected = live.connection.value === 'live'
  const draft = text.trim()
  const shown = pictures?.map((one) => one.id).join(' ') ?? ''
  useEffect(() => {
    if (!connected) {
      set(null)
      return
    }
    let gone = false
    const ask = async () => {
      const where = { ...(session ? { session } : {}), ...(endpoint === undefined ? {} : { endpoint }) }
      const seen = shown ? { pictures: shown.split(' ') } : {}
      // Whatever is wrong is told when it is sent; a figure that is missing is not worth a message.
      const answer = await live.call('context.show', { ...where, ...seen, text: draft, mentions }).catch(() => null)
      if (!gone) set(answer)
    }
    const timer = setTimeout(() => void ask(), PAUSE)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [live, session, draft, mentions, endpoint, connected, shown, view?.pins, view?.compactions])
  return counted
}
