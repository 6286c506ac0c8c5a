// The header of Home, and what a person sees there before the first workspace.
import { Icon, type IconName } from '../ui/icon'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/around'
import type { Me } from '../wire'
import type { Way } from './create'
import { PersonMenu } from './person-menu'
import { go } from './route'

const say = words.home
const Bell = lazy(
  () => import('../notices/bell').then((part) => part.Bell),
  () => null,
)

export function Masthead({ me }: { me: Me | null }) {
  return (
    <header class="home-head">
      <a
        class="home-mark"
        href="/"
        onClick={(event) => {
          event.preventDefault()
          go('/')
        }}
      >
        <span class="mark" aria-hidden="true" /> <b>Tandem</b>
      </a>
      {me?.staff && (
        <a class="home-link" href="/dashboard/">
          {say.dashboard}
        </a>
      )}
      {me && <Bell />}
      {me && <PersonMenu me={me} />}
    </header>
  )
}

const OTHERS: { way: Way; icon: IconName }[] = [
  { way: 'git', icon: 'git-branch' },
  { way: 'upload', icon: 'upload' },
  { way: 'local', icon: 'folder' },
  { way: 'empty', icon: 'file' },
]

interface Props {
  me: Me | null
  onSample: () => void
  onStart: (way: Way) => void
}

export function Welcome({ me, onSample, onStart }: Props) {
  return (
    <section class="home-first">
      <h1>{say.firstTitle(me?.name ?? '')}</h1>
      <p class="muted">{say.firstText}</p>
      <button type="button" class="primary home-sample" onClick={onSample}>
        {say.firstSample}
      </button>
      <h2>{say.firstOr}</h2>
      <ul class="home-ways">
        {OTHERS.filter(({ way }) => way !== 'local' || me?.staff).map(({ way, icon }) => (
          <li key={way}>
            <button type="button" onClick={() => onStart(way)}>
              <Icon name={icon} size={16} />
              <span>
                <b>{words.create.ways[way]}</b>
                <small>{words.create.wayMeans[way]}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
