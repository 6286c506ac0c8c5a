// The header of Home, and what a person sees there before the first workspace.
import { useRef } from 'preact/hooks'
import { Avatar } from '../ui/avatar'
import { Icon, type IconName } from '../ui/icon'
import { Menu } from '../ui/menu'
import { words } from '../ui/words/around'
import type { Me } from '../wire'
import type { Way } from './create'
import { go } from './route'

const say = words.home

function csrf(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? ''
}

export function Masthead({ me }: { me: Me | null }) {
  const out = useRef<HTMLFormElement>(null)
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
      {me && (
        <Menu
          button={
            <>
              <Avatar person={me} size={22} /> {me.name}
            </>
          }
          class="quiet home-me"
          label={say.menu}
          items={[{ label: say.signOut, run: () => out.current?.submit() }]}
        />
      )}
      {/* Signing out is a page of the server: a form, so that it works with its redirect. */}
      <form ref={out} method="post" action="/accounts/logout/" hidden>
        <input type="hidden" name="csrfmiddlewaretoken" value={csrf()} />
      </form>
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
