// One thread: what it is about, what was said, what can be done.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ago, now as clock } from '../jobs/time'
import { Avatar } from '../ui/avatar'
import { Icon } from '../ui/icon'
import { Menu } from '../ui/menu'
import { words as around } from '../ui/words/around'
import { comments as words } from '../ui/words/past'
import type { Comment, Thread } from '../wire'
import type { Live } from '../workspace/live'
import { askModel, edit, goTo, placeOf, remove, reopen, reply, resolve } from './acts'
import { focused, mayComment, members } from './state'
import { partsOf } from './text'
import { Write } from './write'

const SOMEONE = { id: 0, name: words.someone, colour: 0 }

export function Said({ text }: { text: string }) {
  const names = members.value.map((one) => one.name)
  return (
    <p class="comment-text">
      {partsOf(text, names).map((part) =>
        part.kind === 'link' ? (
          <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        ) : part.kind === 'mention' ? (
          <b>{part.text}</b>
        ) : (
          part.text
        ),
      )}
    </p>
  )
}

function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {around.ago(ago(at, clock.value))}
    </time>
  )
}

function One({ comment, thread, mine }: { comment: Comment; thread: Thread; mine: boolean }) {
  const [editing, setEditing] = useState(false)
  const author = comment.author ?? SOMEONE
  return (
    <li class="comment">
      <Avatar person={author} size={20} />
      <div>
        <header>
          <strong>{author.name}</strong> <Ago at={comment.created_at} />
          {comment.edited_at && <small title={new Date(comment.edited_at).toLocaleString()}>{words.edited}</small>}
          {mine && !editing && (
            <Menu
              button={<Icon name="ellipsis" size={14} />}
              label={words.moreOf(author.name)}
              class="quiet icon"
              items={[
                { label: words.edit, run: () => setEditing(true) },
                { label: words.remove, run: () => void remove(thread, comment) },
              ]}
            />
          )}
        </header>
        {editing ? (
          <Write
            label={words.edit}
            act={words.save}
            start={comment.text}
            cancel={() => setEditing(false)}
            send={async (text) => {
              const done = await edit(comment.id, text)
              if (done) setEditing(false)
              return done
            }}
          />
        ) : (
          <Said text={comment.text} />
        )}
      </div>
    </li>
  )
}

export function ThreadCard({ thread, live }: { thread: Thread; live: Live }) {
  const [answering, setAnswering] = useState(false)
  const box = useRef<HTMLElement>(null)
  const on = focused.value === thread.id
  const may = mayComment(live.role.value)
  const isGone = gone(thread, live)
  const first = thread.comments[0]
  useEffect(() => {
    if (on) box.current?.scrollIntoView({ block: 'nearest' })
  }, [on])
  return (
    <article
      ref={box}
      class={on ? 'thread on' : 'thread'}
      data-thread={thread.id}
      aria-label={words.thread(first?.author?.name ?? words.someone, thread.quote)}
    >
      <Quote thread={thread} isGone={isGone} />
      <ol>
        {thread.comments.map((comment) => (
          <One key={comment.id} comment={comment} thread={thread} mine={may && comment.author?.id === live.me.id} />
        ))}
      </ol>
      {thread.resolved && <p class="thread-resolved">{words.resolvedBy(thread.resolved.name)}</p>}
      {answering && (
        <Write
          label={words.replyPlaceholder}
          act={words.reply}
          cancel={() => setAnswering(false)}
          send={async (text) => {
            const done = await reply(thread.id, text)
            if (done) setAnswering(false)
            return done
          }}
        />
      )}
      {may && !answering && (
        <footer class="thread-acts">
          <button type="button" class="quiet" onClick={() => setAnswering(true)}>
            {words.reply}
          </button>
          {thread.resolved_at ? (
            <button type="button" class="quiet" onClick={() => void reopen(thread.id)}>
              {words.reopen}
            </button>
          ) : (
            <button type="button" class="quiet" onClick={() => void resolve(thread.id)}>
              {words.resolve}
            </button>
          )}
          {!thread.resolved_at && mayAsk(live) && (
            <button
              type="button"
              class="quiet icon ask"
              aria-label={words.toModel}
              title={words.toModelTitle}
              onClick={() => askModel(thread, isGone)}
            >
              <Icon name="sparkles" size={14} />
            </button>
          )}
        </footer>
      )}
    </article>
  )
}

function Quote({ thread, isGone }: { thread: Thread; isGone: boolean }) {
  const lines = thread.quote.split('\n').filter((line) => line.trim())
  return (
    <>
      {isGone && <p class="thread-gone">{words.gone}</p>}
      <button
        type="button"
        class={isGone ? 'thread-quote gone' : 'thread-quote'}
        aria-label={words.show(lines[0]?.trim() ?? '')}
        onClick={() => void goTo(thread)}
      >
        <code>{lines.slice(0, 3).join('\n') || '…'}</code>
      </button>
    </>
  )
}

/** Whether the document is open here and the text a thread is about is no longer in it. */
function gone(thread: Thread, live: Live): boolean {
  const doc = live.documents.tabs.value.find((one) => one.id === thread.document)
  if (!doc?.loaded.value) return false
  doc.cursorAt.value // looked at again as the text changes
  const place = placeOf(doc, thread)
  return place !== null && place.from === place.to
}

function mayAsk(live: Live): boolean {
  return ['owner', 'maintainer', 'editor'].includes(live.role.value)
}
