import type { Person } from '../wire'

export const colourOf = (person: { colour: number } | 'model') =>
  person === 'model' ? 'var(--model)' : `var(--p${person.colour % 10})`

export function Avatar({ person, size = 22 }: { person: Person | 'model'; size?: number }) {
  const name = person === 'model' ? 'Model' : person.name
  return (
    <span
      class="avatar"
      title={name}
      role="img"
      aria-label={name}
      style={{ background: colourOf(person), width: `${size}px`, height: `${size}px` }}
    >
      {[...name][0]?.toUpperCase()}
    </span>
  )
}
