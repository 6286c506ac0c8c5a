// Where people write to the model: send, or while a turn runs steer it, stop it, or stop it and go another way.
import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { Menu } from '../../ui/menu'
import { words as told } from '../../ui/words/composer'
import { words as queue } from '../../ui/words/queue'
import { words } from '../../ui/words/sessions'
import type { Id, Turn } from '../../wire'
import { draggedPath } from '../../workspace/drag'
import type { Live } from '../../workspace/live'
import { ask, enqueue, interrupt, redirect, steer, stopping } from '../acts'
import { MentionChips } from '../attachments/chips'
import { wordOf } from '../attachments/mentions'
import { MENU, MentionMenu, optionId, useMentions } from '../attachments/menu'
import { PictureStrip, type Trouble, TroubleLine, useComing } from '../attachments/pictures'
import { isPicture, KINDS, MOST } from '../attachments/send'
import { endpointOf, type Mode, mayTurn, modeOf } from '../mode'
import { offered } from '../show'
import type { Sessions } from '../store'
import { useDraft } from './draft'
import { Estimate } from './estimate'
import { ModelPicker, useResting } from './model'
import { Queue } from './queue'

interface Props {
  live: Live
  sessions: Sessions
  running: Turn | null
  session: Id | null
  advise?: boolean // say how to connect a model: nothing else on the panel does
}

/** One composer a session: give it `composerOf` the session as key. */
export function Composer({ live, sessions, running, session, advise }: Props) {
  const draft = useDraft(live.id, session)
  const [busy, setBusy] = useState(false)
  const [over, setOver] = useState(false)
  const box = useAutoGrow(draft.text)
  const mentions = useMentions(live, sessions, (mention, from, to) => {
    const word = `${wordOf(mention)} `
    draft.mention(mention)
    put(draft.text.slice(0, from) + word + draft.text.slice(to), from + word.length)
  })
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const { coming, add, drop } = useComing(live.id, draft.show, setTrouble)
  const caret = useRef<number | null>(null) // where it goes with the next text
  useLayoutEffect(() => {
    if (caret.current !== null) box.current?.setSelectionRange(caret.current, caret.current)
    caret.current = null
  })
  const put = (text: string, at: number) => {
    draft.write(text)
    caret.current = at
    mentions.moved({ text, caret: at })
    box.current?.focus()
  }
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
  const state = modeOf({
    role: live.role.value,
    models: offers,
    connection: live.connection.value,
    running,
    text: draft.text,
    busy,
  })
  const blind = draft.pictures.length > 0 && endpoint?.images === false ? told.blind(endpoint.name) : ''
  const alone = running !== null && state.primary === 'steer' && draft.mentions.length + draft.pictures.length > 0
  const wait = blind || (coming.length ? told.waitPicture : '')
  const mode = wait && !running ? { ...state, canAct: false, why: state.why || wait } : state

  const act = async (run: (text: string, pictures: Id[]) => Promise<boolean>, all = running === null) => {
    setBusy(true)
    const done = await run(
      draft.text.trim(),
      draft.pictures.map((one) => one.id),
    ).finally(() => setBusy(false))
    // A steer takes the text alone; what is mentioned or shown waits for the next turn.
    if (done) draft.clear(all)
    if (done) setTrouble(null)
    box.current?.focus()
  }
  const primary = () => {
    if (!mode.canAct) return
    if (mode.primary === 'queue') return later()
    if (mode.primary === 'redirect') return otherWay()
    void act((text, pictures) =>
      running
        ? steer(live, running.id, text)
        : ask(live, sessions, { text, mentions: draft.mentions, pictures, endpoint: endpoint?.id }),
    )
  }
  const later = () => {
    if (!mode.canAct || !session) return
    void act(
      (text, pictures) => enqueue(live, session, { text, mentions: draft.mentions, pictures, endpoint: endpoint?.id }),
      true,
    )
  }
  const otherWay = () => {
    if (!mode.canAct || !running) return
    void act((text, pictures) => redirect(live, running.id, { text, mentions: draft.mentions, pictures }), true)
  }
  const take = (files: readonly File[]) => {
    const pictures = files.filter(isPicture)
    const other = files.find((file) => !isPicture(file))
    const room = MOST - draft.pictures.length - coming.length
    const send = () => {
      for (const file of pictures.slice(0, Math.max(0, room))) void add(file)
    }
    setTrouble(
      other ? { text: told.notAPicture(other.name) } : pictures.length > room ? { text: told.tooMany(MOST) } : null,
    )
    if (!pictures.length) return
    if (endpoint?.images !== false) return send()
    const seeing = offers?.endpoints.find((one) => one.images)
    const use = (id: number) => {
      sessions.pick(id)
      send()
    }
    const act = seeing && { label: told.takeModel(seeing.name), run: () => use(seeing.id) }
    setTrouble({ text: told.textOnly(endpoint.name), act })
  }
  const keys = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (mentions.key(event)) return
    const area = event.currentTarget
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      if (running && event.altKey) later()
      else if (running && (event.ctrlKey || event.metaKey)) otherWay()
      else primary()
    } else if (event.key === 'Backspace' && area.selectionEnd === 0 && draft.mentions.length) {
      event.preventDefault()
      draft.unmention(draft.mentions.at(-1)!)
    }
  }
  const startMention = () => {
    const area = box.current
    if (!area) return
    const before = draft.text.slice(0, area.selectionStart)
    const sign = before === '' || /\s$/.test(before) ? '@' : ' @'
    put(before + sign + draft.text.slice(area.selectionEnd), before.length + sign.length)
  }
  const dropped = (event: DragEvent) => {
    setOver(false)
    const path = draggedPath(event)
    const files = [...(event.dataTransfer?.files ?? [])]
    if (!path && !files.length) return
    event.preventDefault()
    if (path) draft.mention(path.endsWith('/') ? { kind: 'folder', path: path.slice(0, -1) } : { kind: 'file', path })
    else take(files)
    box.current?.focus()
  }
  const moved = () => box.current && mentions.moved({ text: box.current.value, caret: box.current.selectionEnd })
  return (
    <>
      <Queue live={live} queue={sessions.view.value?.queue ?? []} running={running} may={mayTurn(live.role.value)} />
      <form
        class={over ? 'composer over' : 'composer'}
        aria-label={words.composer}
        data-drop={told.drop}
        onSubmit={(event) => {
          event.preventDefault()
          primary()
        }}
        onDragOver={(event) => {
          if (!mode.canType || !event.dataTransfer?.types.length) return
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={(event) => event.currentTarget.contains(event.relatedTarget as Node) || setOver(false)}
        onDrop={dropped}
      >
        {mentions.open && <MentionMenu {...mentions} />}
        {draft.mentions.length > 0 && <MentionChips list={draft.mentions} remove={draft.unmention} />}
        {draft.pictures.length + coming.length > 0 && (
          <PictureStrip workspace={live.id} list={draft.pictures} coming={coming} remove={draft.hide} drop={drop} />
        )}
        <textarea
          ref={box}
          rows={1}
          value={draft.text}
          disabled={!mode.canType}
          aria-label={words.composer}
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={mentions.open && mentions.list.length ? MENU : undefined}
          aria-activedescendant={mentions.open && mentions.list.length ? optionId(mentions.at) : undefined}
          placeholder={mode.canType ? words.placeholder[mode.primary] : mode.why}
          onInput={(event) => {
            draft.write(event.currentTarget.value)
            moved()
          }}
          onKeyDown={keys}
          onKeyUp={moved}
          onClick={moved}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])]
            if (!files.length) return
            if (!event.clipboardData?.getData('text/plain')) event.preventDefault()
            take(files.filter((file) => file.type.startsWith('image/')))
          }}
        />
        <footer>
          <Adders disabled={!mode.canType} mention={startMention} take={take} />
          <ModelPicker live={live} picked={endpoint?.id ?? null} pick={(id) => sessions.pick(id)} />
          <Acts live={live} mode={mode} running={running} enqueue={later} redirect={otherWay} />
        </footer>
        {!running && mode.canType && (
          <Estimate
            {...{ live, session, view: sessions.view.value }}
            text={draft.text}
            mentions={draft.mentions}
            pictures={draft.pictures}
            endpoint={endpoint?.id}
          />
        )}
        {mode.blocked && mode.canType && <p class="composer-why">{mode.why}</p>}
        {trouble && <TroubleLine {...trouble} close={() => setTrouble(null)} />}
        {blind && !trouble && <p class="composer-why warn">{blind}</p>}
        {alone && <p class="composer-why">{told.steerAlone}</p>}
        {resting && !mode.blocked && <p class="composer-why">{resting}</p>}
        {advise && offers?.endpoints.length === 0 && <p class="composer-why">{offers.advice}</p>}
      </form>
    </>
  )
}

interface AddersProps {
  disabled: boolean
  mention: () => void
  take: (files: readonly File[]) => void
}

function Adders({ disabled, mention, take }: AddersProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        class="quiet icon-button"
        title={told.mention}
        aria-label={told.mention}
        disabled={disabled}
        onClick={mention}
      >
        <Icon name="at-sign" size={14} />
      </button>
      <button
        type="button"
        class="quiet icon-button"
        title={told.addPicture}
        aria-label={told.addPicture}
        disabled={disabled}
        onClick={() => input.current?.click()}
      >
        <Icon name="image" size={14} />
      </button>
      <input
        ref={input}
        type="file"
        accept={KINDS.join(',')}
        multiple
        hidden
        onChange={(event) => {
          take([...(event.currentTarget.files ?? [])])
          event.currentTarget.value = ''
        }}
      />
    </>
  )
}

interface ActsProps {
  live: Live
  mode: Mode
  running: Turn | null
  enqueue: () => void
  redirect: () => void
}

function Acts({ live, mode, running, enqueue, redirect }: ActsProps) {
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
              {
                label: queue.queue,
                hint: queue.queueKey,
                run: enqueue,
                disabled: !mode.canAct,
                why: mode.why || queue.queueTitle,
              },
              {
                label: words.redirect,
                hint: queue.redirectKey,
                run: redirect,
                disabled: !mode.canAct,
                why: mode.why || words.redirectTitle,
              },
            ]}
          />
          <button
            type="button"
            disabled={!mode.canStop || asked}
            title={words.stopTurn}
            onClick={() => void interrupt(live, running.id)}
          >
            {words.stop} <kbd class={running.owner?.id === live.me.id ? '' : 'theirs'}>{words.escape}</kbd>
          </button>
        </>
      )}
      <button type="submit" class="primary" disabled={!mode.canAct} title={mode.why}>
        {words.primary[mode.primary]}
      </button>
    </div>
  )
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
