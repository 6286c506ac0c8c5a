// The composition root: styles, the parts that register themselves, and the screen of the route.
import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import './ui/tokens.css'
import './ui/base.css'
import './ui/kit.css'
import './documents/conflict'
import './documents/detached'
import './documents/proposals'
import './sessions/inline'
import { render } from 'preact'
import { get, Refusal } from './net/http'
import { Failure } from './ui/failure'
import { Toasts } from './ui/toast'
import type { Me } from './wire'
import { listenToKeys } from './workspace/commands'
import { Home } from './workspace/home'
import { Ide } from './workspace/ide'
import { route } from './workspace/route'

function App({ me }: { me: Me }) {
  const now = route.value
  return (
    <>
      {now.screen === 'home' ? <Home /> : <Ide key={now.id} id={now.id} me={me} review={now.review} />}
      <Toasts />
    </>
  )
}

async function start(root: HTMLElement) {
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
