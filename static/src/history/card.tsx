// Who wrote a line, when, and what was asked; the way to the turn.
import { ago } from '../jobs/time'
import { showTurn } from '../sessions/show'
import { Icon } from '../ui/icon'
import { blame as words } from '../ui/words/past'
import type { Author } from '../wire'
import { live } from '../workspace/live'
import { go } from '../workspace/route'
import { Mark } from './panel'

interface Props {
  author: Author
  others: Author[]
  close: () => void
}

export function Card({ author, others, close }: Props) {
  const keys = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    close()
  }
  const explained = words.explain[author.kind]
  const isModel = author.kind === 'turn' || author.kind === 'job'
  return (
    <div role="group" aria-label={words.who} onKeyDown={keys}>
      <header>
        <Mark author={author} size={20} />
        <b>
          {words.label(author)}
          {isModel && author.person && <span class="muted"> {words.asked(author.person.name)}</span>}
        </b>
        {author.at && (
          <time class="faint" dateTime={author.at} title={new Date(author.at).toLocaleString()}>
            {words.ago(ago(author.at, Date.now()))}
          </time>
        )}
        <button type="button" class="quiet icon" aria-label={words.close} onClick={close}>
          <Icon name="x" size={14} />
        </button>
      </header>
      {author.prompt && <blockquote>{author.prompt}</blockquote>}
      {explained && <p>{explained}</p>}
      {others.length > 0 && <p>{words.and(others.map(words.label).join(', '))}</p>}
      <Why author={author} close={close} />
    </div>
  )
}

function Why({ author, close }: { author: Author; close: () => void }) {
  const { session, turn, job } = author
  if (session && turn)
    return (
      <footer>
        <button
          type="button"
          class="primary"
          title={words.whyTitle}
          onClick={() => {
            close()
            void showTurn(session, turn)
          }}
        >
          {words.why}
        </button>
      </footer>
    )
  if (!job) return null
  return (
    <footer>
      <button type="button" onClick={() => go(`/w/${live.peek()?.id}/review/${job}`)}>
        {words.job}
      </button>
    </footer>
  )
}
