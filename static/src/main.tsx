// The composition root: styles, and the screen of the route. Each screen is code of its own.
import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import './ui/tokens.css'
import './ui/base.css'
import './ui/kit.css'
import { render } from 'preact'
import { get, Refusal } from './net/http'
import { Failure } from './ui/failure'
import { lazy } from './ui/lazy'
import { Toasts } from './ui/toast'
import { words } from './ui/words/shell'
import type { Me } from './wire'
import { listenToKeys } from './workspace/commands'
import { route } from './workspace/route'

const opening = () => <main class="alone muted">{words.entering}</main>
const ide = () => import('./workspace/ide')
const home = () => import('./workspace/home')
const Ide = lazy(() => ide().then((screen) => screen.Ide), opening)
const Home = lazy(
  () => home().then((screen) => screen.Home),
  () => null,
)

const Announcement = lazy(
  () => import('./workspace/announcement').then((part) => part.AnnouncementBar),
  () => null,
)

function App({ me }: { me: Me }) {
  const now = route.value
  return (
    <>
      {now.screen === 'home' ? <Home /> : <Ide key={now.id} id={now.id} me={me} review={now.review} />}
      <Announcement />
      <Toasts />
    </>
  )
}

async function start(root: HTMLElement) {
  // Its code is on its way while the server says who is here.
  void (route.peek().screen === 'home' ? home() : ide()).catch(() => {})
  try {
    const me = await get<Me>('/me')
    listenToKeys(window)
    render(<App me={me} />, root)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.status !== 401) render(<Failure problem={error.problem} retry={() => void start(root)} />, root)
  }
}

void start(document.getElementById('app')!)
