// Words about what people are told, in the app and by their browser.
import type { NoticeKind } from '../../wire'

export const words = {
  title: 'Notifications',
  open: (unread: number) => (unread ? `Notifications, ${unread} unread` : 'Notifications'),
  empty: 'Nothing yet',
  emptyText: 'When a job asks you something, or its result is ready, it stands here.',
  readAll: 'Mark all as read',
  unread: 'unread',
  settings: 'What you are told',
  back: 'Back to the list',
  kinds: {
    question: 'A job asks, or waits for somebody',
    review: 'A job is ready for review',
    failed: 'A job failed',
    ended: 'Somebody else ended or merged a job of yours',
  } satisfies Record<NoticeKind, string>,
  kind: 'Kind',
  shown: 'Here',
  pushed: 'Browser',
  shownFor: (kind: string) => `${kind}: show it here`,
  pushedFor: (kind: string) => `${kind}: tell my browsers`,
  push: 'When no page is open',
  pushText: 'Your browser can show a notice when Tandem is not open. It carries a title, a short line and an address.',
  on: 'Tell me in this browser',
  off: 'Stop in this browser',
  working: 'Asking the browser…',
  denied:
    'This browser does not permit notices of this site. Permit them in its settings for this address, then try again.',
  unsupported:
    'This browser cannot show notices of this site: it needs a secure address (https) and support for Web Push.',
  unreachable: 'The browser could not reach its push service. Check its connection and try again.',
  browsers: 'Browsers that are told',
  here: 'this one',
  nameless: 'A browser',
  lastTold: (ago: string) => `last told ${ago}`,
  since: (ago: string) => `added ${ago}`,
  forget: (name: string) => `Forget ${name}`,
  show: 'Open',
}
