// The panel of the bell: what one was told, newest first; behind it, what one wants to be told.
import './list.css'
import { useSignal } from '@preact/signals'
import { visible } from '../jobs/detail/log'
import { ago, now } from '../jobs/time'
import { Empty } from '../ui/empty'
import { Icon, type IconName } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { words as around } from '../ui/words/around'
import { words } from '../ui/words/notices'
import type { NoticeKind, Told } from '../wire'
import { Settings } from './settings'
import { follow, look, markRead, told } from './state'

const ICONS: Record<NoticeKind, IconName> = {
  question: 'message-square',
  review: 'circle-check',
  failed: 'triangle-alert',
  ended: 'info',
}

export function List({ onClose }: { onClose: () => void }) {
  const settings = useSignal(false)
  const all = told.value
  if (settings.value) return <Settings onBack={() => (settings.value = false)} />
  return (
    <>
      <header class="notices-head">
        <h2>{words.title}</h2>
        {(all?.unread ?? 0) > 0 && (
          <button type="button" class="quiet" onClick={() => void markRead().catch(() => look())}>
            {words.readAll}
          </button>
        )}
        <button
          type="button"
          class="quiet icon"
          aria-label={words.settings}
          title={words.settings}
          onClick={() => (settings.value = true)}
        >
          <Icon name="wrench" size={14} />
        </button>
      </header>
      {!all && <Skeleton />}
      {all && !all.notices.length && <Empty title={words.empty} text={words.emptyText} />}
      {all && all.notices.length > 0 && (
        <ul class="notices-list" aria-label={words.title}>
          {all.notices.map((one) => (
            <Row key={one.id} one={one} onClose={onClose} />
          ))}
        </ul>
      )}
    </>
  )
}

function Row({ one, onClose }: { one: Told; onClose: () => void }) {
  return (
    <li data-read={one.read} data-kind={one.kind}>
      <button
        type="button"
        onClick={() => {
          onClose()
          follow(one)
        }}
      >
        <Icon name={ICONS[one.kind]} size={14} />
        <span>
          <b>{visible(one.title)}</b>
          {one.body && <small>{visible(one.body)}</small>}
        </span>
        <small class="num faint">{around.ago(ago(one.created_at, now.value))}</small>
        {!one.read && (
          <i class="notices-new">
            <span class="visually-hidden">{words.unread}</span>
          </i>
        )}
      </button>
    </li>
  )
}
