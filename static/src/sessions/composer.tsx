// Where people write to the model: send, or while a turn runs steer it, stop it, or stop it and go another way.
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { refresh } from '../models/settings'
import { openModels } from '../models/show'
import { Icon } from '../ui/icon'
import { Menu } from '../ui/menu'
import { toast } from '../ui/toast'
import { words as models } from '../ui/words/models'
import { words } from '../ui/words/sessions'
import type { Endpoint, Id, Mention, Turn } from '../wire'
import type { Live } from '../workspace/live'
import { ask, interrupt, redirect, steer, stopping } from './acts'
import { Estimate } from './estimate'
import { MentionList } from './mention-list'
import { type Choice, choices, labelOf, sameMention } from './mentions'
import { endpointOf, type Mode, modeOf } from './mode'
import { offered } from './show'
import { draftOf, keepDraft } from './storage'
import type { Sessions } from './store'

interface Props {
  live: Live
  sessions: Sessions
  running: Turn | null
  session: Id | null
  advise?: boolean // say how to connect a model: nothing else on the panel does
}

/** A picture cannot go to the model: say why instead of pasting nothing without a word. */
function refusePicture(event: ClipboardEvent, endpoint: Endpoint | null) {
  const files = [...(event.clipboardData?.files ?? [])]
  if (!files.some((file) => file.type.startsWith('image/'))) return
  if (!event.clipboardData?.getData('text/plain')) event.preventDefault()
  toast(endpoint?.images === false ? words.textOnly(endpoint.name) : words.noPictures, 'warn')
}

/** One composer a session: give it the session's id as key. */
export function Composer({ live, sessions, running, session, advise }: Props) {
  const draft = useDraft(live.id, session)
  const [busy, setBusy] = useState(false)
  const [menu, setMenu] = useState<Choice[] | null>(null)
  const box = useAutoGrow(draft.text)
  const offer = offered.value
  useEffect(() => {
    if (!offer) return
    offered.value = null
    draft.write([draft.text.trim(), offer.text].filter(Boolean).join('\n\n'))
    for (const mention of offer.mentions) draft.mention(mention)
    box.current?.focus()
  }, [offer])
  const offers = live.models.value
  const endpoint = endpointOf(offers, sessions.picked.value)
  const resting = useResting(live, endpoint)
  const mode = modeOf({
    role: live.role.value,
    models: offers,
    connection: live.connection.value,
    running,
    text: draft.text,
    busy,
  })

  const act = async (run: (text: string) => Promise<boolean>) => {
    setBusy(true)
    const done = await run(draft.text.trim()).finally(() => setBusy(false))
    // A steer takes the text alone; what was mentioned waits for the next turn.
    if (done) draft.clear(running === null)
    box.current?.focus()
  }
  const primary = () => {
    if (!mode.canAct) return
    void act((text) =>
      running
        ? steer(live, running.id, text)
        : ask(live, sessions, { text, mentions: draft.mentions, endpoint: endpoint?.id }),
    )
  }
  const openMentions = () => setMenu(choices(live.documents.active.value, live.documents.tabs.value))
  const choose = (choice: Choice) => {
    setMenu(null)
    draft.mention(choice.mention)
    box.current?.focus()
  }
  const keys = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      primary()
    }
    if (event.key === '@' && !running && opensMention(event.currentTarget)) {
      event.preventDefault()
      openMentions()
    }
  }
  return (
    <form
      class="composer"
      aria-label={words.composer}
      onSubmit={(event) => {
        event.preventDefault()
        primary()
      }}
    >
      {menu && <MentionList list={menu} choose={choose} close={() => setMenu(null)} />}
      {!running && draft.mentions.length > 0 && <Chips list={draft.mentions} remove={draft.unmention} />}
      <textarea
        ref={box}
        rows={1}
        value={draft.text}
        disabled={!mode.canType}
        aria-label={words.composer}
        placeholder={mode.canType ? (running ? words.placeholderSteer : words.placeholderSend) : mode.why}
        onInput={(event) => draft.write(event.currentTarget.value)}
        onKeyDown={keys}
        onPaste={(event) => refusePicture(event, endpoint)}
      />
      <footer>
        <button
          type="button"
          class="quiet icon-button"
          title={words.mention}
          aria-label={words.mention}
          disabled={!mode.canType || running !== null}
          onClick={openMentions}
        >
          <Icon name="at-sign" size={14} />
        </button>
        <EndpointPicker live={live} picked={endpoint?.id ?? null} pick={(id) => sessions.pick(id)} />
        <Acts
          live={live}
          mode={mode}
          running={running}
          redirect={() => running && act((text) => redirect(live, running.id, text))}
        />
      </footer>
      {!running && mode.canType && (
        <Estimate live={live} session={session} text={draft.text} mentions={draft.mentions} endpoint={endpoint?.id} />
      )}
      {mode.blocked && mode.canType && <p class="composer-why">{mode.why}</p>}
      {resting && !mode.blocked && <p class="composer-why">{resting}</p>}
      {advise && offers?.endpoints.length === 0 && <p class="composer-why">{offers.advice}</p>}
    </form>
  )
}

interface ActsProps {
  live: Live
  mode: Mode
  running: Turn | null
  redirect: () => void
}

function Acts({ live, mode, running, redirect }: ActsProps) {
  const asked = running !== null && stopping.value.has(running.id)
  return (
    <div class="composer-acts">
      {running && (
        <>
          <Menu
            button={<Icon name="ellipsis" size={14} />}
            label={words.more}
            up
            items={[
              { label: words.redirect, run: redirect, disabled: !mode.canAct, why: mode.why || words.redirectTitle },
            ]}
          />
          <button
            type="button"
            disabled={!mode.canStop || asked}
            title={words.stopTurn}
            onClick={() => void interrupt(live, running.id)}
          >
            {words.stop} <kbd>{words.escape}</kbd>
          </button>
        </>
      )}
      <button type="submit" class="primary" disabled={!mode.canAct} title={mode.why}>
        {mode.primary === 'steer' ? words.steer : words.send}
      </button>
    </div>
  )
}

interface PickerProps {
  live: Live
  picked: number | null
  pick: (id: number) => void
}

function EndpointPicker({ live, picked, pick }: PickerProps) {
  const all = live.models.value?.endpoints ?? []
  const now = all.find((one) => one.id === picked)
  const connect = { label: models.command, run: openModels }
  if (!now) return <Menu button={models.title} label={models.title} up left items={[connect]} />
  return (
    <Menu
      button={
        <>
          <span class="endpoint-name">{now.name}</span> <Icon name="chevron-down" size={12} />
        </>
      }
      label={words.endpoint(now.name)}
      up
      left
      items={[
        ...all.map((one) => {
          const until = restsUntil(one)
          const rests = until
            ? { hint: models.restingLabel(until), why: models.resting(one.name, until, one.problem) }
            : {}
          return { label: words.endpointName(one), run: () => pick(one.id), ...rests }
        }),
        connect,
      ]}
    />
  )
}

const restsUntil = ({ resting_until }: Endpoint) =>
  resting_until && Date.parse(resting_until) > Date.now() ? resting_until : null

/** What the server says of the models, read again after a turn that failed: one may be resting now. */
function useResting(live: Live, endpoint: Endpoint | null): string {
  useEffect(
    () => live.on((event) => event.type === 'turn.ended' && event.turn.state === 'failed' && void refresh(live)),
    [live],
  )
  const until = endpoint && restsUntil(endpoint)
  return until ? models.resting(endpoint.name, until, endpoint.problem) : ''
}

function Chips({ list, remove }: { list: Mention[]; remove: (mention: Mention) => void }) {
  return (
    <p class="chips">
      {list.map((mention) => (
        <button
          type="button"
          class="chip"
          title={words.removeMention(labelOf(mention))}
          onClick={() => remove(mention)}
        >
          <Icon name={mention.kind === 'file' ? 'file' : 'text-cursor'} size={12} /> {labelOf(mention)}{' '}
          <Icon name="x" size={12} />
        </button>
      ))}
    </p>
  )
}

/** The text and mentions not yet sent, kept over a reload. */
function useDraft(workspace: Id, session: Id | null) {
  const [draft, set] = useState(() => draftOf(workspace, session))
  useEffect(() => keepDraft(workspace, session, draft), [workspace, session, draft])
  return {
    ...draft,
    write: (text: string) => set((was) => ({ ...was, text })),
    mention: (one: Mention) =>
      set((was) => ({ ...was, mentions: [...was.mentions.filter((m) => !sameMention(m, one)), one] })),
    unmention: (one: Mention) => set((was) => ({ ...was, mentions: was.mentions.filter((m) => m !== one) })),
    clear: (all: boolean) => set((was) => ({ text: '', mentions: all ? [] : was.mentions })),
  }
}

/** As tall as its text, up to the height the style sheet allows. */
function useAutoGrow(text: string) {
  const box = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    const area = box.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${area.scrollHeight}px`
  }, [text])
  return box
}

/** An @ opens the list only where a word would begin: not in the middle of an address. */
function opensMention(area: HTMLTextAreaElement): boolean {
  const before = area.value.slice(0, area.selectionStart)
  return before === '' || /\s$/.test(before)
}
