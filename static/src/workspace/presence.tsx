// Who is in a file: small avatars for rows and tabs. A closed folder shows who is in it.
import { proposals, regions } from '../documents/proposals/proposals'
import { Avatar } from '../ui/avatar'
import { words } from '../ui/words/documents'
import type { Person } from '../wire'
import { live } from './live'

const MOST = 3

export function Here({ path, folder = false, size = 16 }: { path: string; folder?: boolean; size?: number }) {
  const now = live.value
  const inside = (other: string | null) => other === path || (folder && !!other?.startsWith(`${path}/`))
  const people = new Map<number, Person>()
  for (const p of now?.presence.value ?? []) if (p.id !== now?.me.id && inside(p.path)) people.set(p.id, p)
  const writes = [...regions.value.values()].some((r) => inside(r.path))
  const proposed = writes || [...proposals.value.values()].some((p) => inside(p.path))
  if (!people.size && !proposed) return null
  const shown = [...people.values()].slice(0, MOST)
  const names = [...people.values()].map((p) => p.name)
  return (
    <span class="here" title={words.inThisFile([...names, ...(proposed ? [words.theModel] : [])].join(', '))}>
      {shown.map((p) => (
        <Avatar key={p.id} person={p} size={size} />
      ))}
      {people.size > MOST && <small class="num">+{people.size - MOST}</small>}
      {proposed && (
        <span class={writes ? 'writes' : ''}>
          <Avatar person="model" size={size} />
        </span>
      )}
    </span>
  )
}
