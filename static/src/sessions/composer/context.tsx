// What fills the model's window: the panel behind the composer's meter. Pins are made and undone here.
import { useState } from 'preact/hooks'
import { Dialog } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/context'
import type { Context, ContextPart, Id, Mention } from '../../wire'
import type { Live } from '../../workspace/live'
import { tell } from '../acts'
import { labelOf, sameMention, selectionOf } from '../attachments/mentions'
import './context.css'

interface Props {
  live: Live
  session: Id | null
  running: boolean
  context: Context
  pins: readonly Mention[]
  mentions: readonly Mention[]
  endpoint: number | undefined
  close: () => void
}

export function ContextPanel({ live, session, running, context, pins, mentions, endpoint, close }: Props) {
  const { window, reply, compact_at } = context
  return (
    <Dialog
      title={words.title}
      open
      onClose={close}
      footer={<Summarise {...{ live, session, running, endpoint, compact_at, context }} />}
    >
      <div class="context">
        <p class="context-about">{context.lean ? words.lean : words.about(window, reply)}</p>
        <Stack context={context} />
        <Parts context={context} />
        <Pins live={live} session={session} pins={pins} mentions={mentions} />
      </div>
    </Dialog>
  )
}

/** The window as one bar: what is in it by kind, what is free, what is kept for the answer; a mark where turns are
 * summarised. The table below says the same in words. */
function Stack({ context }: { context: Context }) {
  const { window, reply, compact_at, parts } = context
  const share = (tokens: number) => `${(100 * tokens) / Math.max(window, context.total + reply)}%`
  return (
    <div class="context-bar" role="img" aria-label={words.bar}>
      {parts.map((part) => (
        <span
          class={`context-${part.kind}`}
          style={{ width: share(part.tokens) }}
          title={`${nameOf(part)}: ${words.tokens(part.tokens)}`}
        />
      ))}
      <span class="context-answer" style={{ width: share(reply) }} title={`${words.answer}: ${words.tokens(reply)}`} />
      <i class="context-mark" style={{ left: `${compact_at}%` }} title={words.automatic(compact_at)} />
    </div>
  )
}

function Parts({ context }: { context: Context }) {
  const { window, reply, total, parts } = context
  const free = Math.max(0, window - total - reply)
  return (
    <table class="context-parts">
      <thead>
        <tr>
          <th scope="col">{words.columnPart}</th>
          <th scope="col">{words.columnTokens}</th>
          <th scope="col">{words.columnShare}</th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <Row window={window} kind={part.kind} tokens={part.tokens}>
            <PartName part={part} />
          </Row>
        ))}
        <Row window={window} kind="answer" tokens={reply}>
          {words.answer}
        </Row>
        <Row window={window} kind="free" tokens={free}>
          {words.free}
        </Row>
      </tbody>
    </table>
  )
}

interface RowProps {
  window: number
  kind: string
  tokens: number
  children: preact.ComponentChildren
}

const Row = ({ window, kind, tokens, children }: RowProps) => (
  <tr>
    <th scope="row">
      <div class="context-name">
        <i class={`context-key context-${kind}`} /> <div>{children}</div>
      </div>
    </th>
    <td class="num">{words.tokens(tokens)}</td>
    <td class="num">{words.percent(Math.round((100 * tokens) / window))}</td>
  </tr>
)

/** An instruction file opens to what the model is given of it. */
function PartName({ part }: { part: ContextPart }) {
  const detail = part.detail && <small>{part.detail}</small>
  if (!part.text)
    return (
      <>
        {nameOf(part)} {detail}
      </>
    )
  return (
    <details>
      <summary>
        {nameOf(part)} {detail}
      </summary>
      <p class="context-about">{words.shown}</p>
      <pre>{part.text}</pre>
    </details>
  )
}

const nameOf = ({ kind, path, label }: ContextPart) => {
  const of = path || (kind === 'pins' ? label : '')
  return of ? `${words.kinds[kind]}: ${of}` : words.kinds[kind]
}

function Pins({ live, session, pins, mentions }: Pick<Props, 'live' | 'session' | 'pins' | 'mentions'>) {
  const doc = live.documents.active.value
  const selected = doc && selectionOf(doc)
  const here: Mention[] = doc ? [...(selected ? [selected] : []), { kind: 'file', path: doc.path.value }] : []
  const offers = [...mentions, ...here]
    .filter((one) => !pins.some((pin) => sameMention(pin, one)))
    .filter((one, at, all) => all.findIndex((other) => sameMention(one, other)) === at)
  return (
    <section class="context-pins" aria-label={words.pins}>
      <h3>{words.pins}</h3>
      <p class="context-about">{session ? words.pinsAbout : words.pinsLater}</p>
      {session && pins.length === 0 && <p class="context-none">{words.noPins}</p>}
      <ul class="chips">
        {pins.map((pin) => (
          <li class="chip">
            <span>{labelOf(pin)}</span>
            <button
              type="button"
              class="chip-x"
              aria-label={words.unpin(labelOf(pin))}
              onClick={() => session && void tell(live.call('context.unpin', { session, mention: pin }))}
            >
              <Icon name="x" size={12} />
            </button>
          </li>
        ))}
      </ul>
      {session && offers.length > 0 && (
        <div class="context-offers">
          {offers.map((mention) => (
            <button type="button" onClick={() => void tell(live.call('context.pin', { session, mention }))}>
              <Icon name="plus" size={12} /> {words.pin(labelOf(mention))}
            </button>
          ))}
        </div>
      )}
    </section>
  )
}

interface SummariseProps extends Pick<Props, 'live' | 'session' | 'running' | 'endpoint' | 'context'> {
  compact_at: number
}

function Summarise({ live, session, running, endpoint, compact_at, context }: SummariseProps) {
  const [busy, setBusy] = useState(false)
  const said = context.parts.some((part) => part.kind === 'history')
  const run = async () => {
    if (!session) return
    setBusy(true)
    await tell(live.call('context.compact', { session, ...(endpoint === undefined ? {} : { endpoint }) }))
    setBusy(false)
  }
  return (
    <>
      <small class="context-about">{words.automatic(compact_at)}</small>
      <button
        type="button"
        disabled={busy || running || !session || !said}
        title={running ? words.summariseRunning : words.summariseTitle}
        onClick={() => void run()}
      >
        {busy ? words.summarising : words.summarise}
      </button>
    </>
  )
}
