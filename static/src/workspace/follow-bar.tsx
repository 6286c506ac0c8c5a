// Whom this tab follows: a frame around the editor, a bar that says so, and the avatars that begin it.
import { type Followed, follow, followed, isFollowed, unfollow } from '../documents/follow'
import { Avatar, colourOf } from '../ui/avatar'
import { words } from '../ui/words/documents'
import './follow.css'

const nameOf = (who: Followed) => (who === 'model' ? words.model : who.name)

export function FollowBar() {
  const who = followed.value
  if (!who) return null
  return (
    <div class="follow" role="status" style={{ '--who': colourOf(who) }}>
      <p>
        <Avatar person={who} size={16} />
        <span>{words.following(nameOf(who))}</span>
        <button type="button" class="quiet" onClick={unfollow}>
          {words.stop} <kbd>{words.escape}</kbd>
        </button>
      </p>
    </div>
  )
}

export function FollowButton({ who }: { who: Followed }) {
  const on = isFollowed(who)
  const label = on ? words.following(nameOf(who)) : words.follow(nameOf(who))
  return (
    <button
      type="button"
      class="quiet follow-one"
      aria-pressed={on}
      aria-label={label}
      title={label}
      style={{ '--who': colourOf(who) }}
      onClick={() => (on ? unfollow() : follow(who))}
    >
      <Avatar person={who} size={24} />
    </button>
  )
}
