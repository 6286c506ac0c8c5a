// What people read about their access tokens.
import type { Ago } from '../../jobs/time'
import { words as around } from './around'

const date = (time: string) =>
  new Date(time).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })

export const words = {
  title: 'Access tokens',
  about:
    'A token lets a script or another editor act for you: with your role, within its scope, until it ends or you revoke it.',
  empty: 'No access tokens yet',
  emptyText: 'Make one below to join documents from Node, Python or any Yjs client. The README has examples.',
  list: 'Your access tokens',
  scopes: { read: 'Read', write: 'Read and write' },
  scopeMeans: {
    read: 'reads files, documents, history and comments',
    write: 'also edits documents and comments',
  },
  allTeams: 'All my teams',
  inTeam: (name: string) => `only in ${name}`,
  ends: (time: string) => `ends ${date(time)}`,
  ended: (time: string) => `ended ${date(time)}`,
  used: (ago: Ago) => `used ${around.ago(ago)}`,
  unused: 'never used',
  revoke: (name: string) => `Revoke ${name}`,
  revokeTitle: (name: string) => `Revoke ${name}?`,
  revokeText: 'What uses it is disconnected within seconds.',
  yes: 'Revoke',
  make: 'New token',
  name: 'Name',
  nameHint: 'What it is for, such as “nightly report”',
  scope: 'Scope',
  days: 'Lasts',
  lasts: (days: number) => (days === 365 ? '1 year' : `${days} days`),
  team: 'Where',
  create: 'Make token',
  making: 'Making…',
  secret: (name: string) => `Token “${name}”`,
  once: 'Shown only now. Copy it to where it is used; nobody can see it again.',
  done: 'Done',
}
