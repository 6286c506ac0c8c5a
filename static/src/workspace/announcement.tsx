// What administrators say to everybody: a bar over every screen of the app, until they take it back or one puts it away.
import './announcement.css'
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { get } from '../net/http'
import { Icon } from '../ui/icon'
import { announcement as words } from '../ui/words/announcement'
import type { Announcement } from '../wire-dashboard'
import { live } from './live'

const AWAY = 'tandem.announcement'

export function AnnouncementBar() {
  const said = useSignal<Announcement | null>(null)
  const away = useSignal(Number(localStorage.getItem(AWAY) ?? 0))
  const now = live.value
  useEffect(() => {
    const asked = get<{ announcement: Announcement | null }>('/announcement')
    void asked.then((found) => (said.value = found.announcement)).catch(() => {}) // said again when something changes
    return now?.on((event) => {
      if (event.type === 'announcement') said.value = event.announcement
    })
  }, [now])
  const { value: one } = said
  if (!one || one.id === away.value) return null
  const putAway = () => {
    away.value = one.id
    localStorage.setItem(AWAY, String(one.id))
  }
  return (
    <div class="announcement" role="status" aria-label={words.label}>
      <Icon name="info" size={14} />
      <p>{one.text}</p>
      <button type="button" class="quiet icon" aria-label={words.away} onClick={putAway}>
        <Icon name="x" size={14} />
      </button>
    </div>
  )
}
