// Types of what people are told: HTTP answers, and the event that says there is something new.
import type { Id, Time } from './wire'

export type NoticeKind = 'question' | 'review' | 'failed' | 'ended'
export interface Told {
  id: Id
  kind: NoticeKind
  title: string
  body: string
  url: string // a path of this site
  workspace: Id
  created_at: Time
  read: boolean
}
export interface Notices {
  notices: Told[] // the newest, newest first
  unread: number
}
export interface NoticeSettings {
  kinds: Record<NoticeKind, { shown: boolean; pushed: boolean }>
  key: string // the site's public key for pushes, base64url
  browsers: { id: Id; name: string; created_at: Time; told_at: Time | null; here: boolean }[]
}
/** To a person's open pages: ask for the notices again. */
export type NoticeNews = { type: 'notices' }
