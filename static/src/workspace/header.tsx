import { useSignal } from '@preact/signals'
import { regions } from '../documents/proposals'
import { Avatar } from '../ui/avatar'
import { Icon } from '../ui/icon'
import { Menu } from '../ui/menu'
import { words } from '../ui/words/shell'
import type { Me } from '../wire'
import { keyText, registerCommand } from './commands'
import { git } from './files'
import { theme } from './layout'
import { live } from './live'
import { openPalette } from './palette'
import { go } from './route'
import { ShareDialog } from './share'

const flip = () => {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
}
registerCommand({ id: 'view.theme', title: 'Switch between dark and light', run: flip })

// Sign-out is a form of the server: it needs a POST.
export function signOut() {
  const form = document.createElement('form')
  form.method = 'post'
  form.action = '/accounts/logout/'
  const token = document.createElement('input')
  token.name = 'csrfmiddlewaretoken'
  token.value = document.querySelector<HTMLMetaElement>('meta[name=csrf]')?.content ?? ''
  form.append(token)
  document.body.append(form)
  form.submit()
}

export function PersonMenu({ me }: { me: Me }) {
  return (
    <Menu
      label={words.person}
      button={<Avatar person={me} size={24} />}
      class="quiet icon"
      items={[
        { label: theme.value === 'dark' ? words.light : words.dark, run: flip },
        ...(me.staff ? [{ label: words.dashboard, run: () => location.assign('/dashboard/') }] : []),
        { label: words.password, run: () => location.assign('/accounts/password/change/') },
        { label: words.signOut, run: signOut },
      ]}
    />
  )
}

export function Header({ me }: { me: Me }) {
  const now = live.value
  const sharing = useSignal(false)
  const others = (now?.people.value ?? []).filter((p) => p.id !== me.id)
  return (
    <header class="top">
      {/* biome-ignore lint/a11y/useAnchorContent: its name is the label; the picture is its background */}
      <a
        class="mark"
        href="/"
        aria-label={words.home}
        title={words.home}
        onClick={(e) => {
          e.preventDefault()
          go('/')
        }}
      />
      <h1 class="workspace-name">{now?.workspace.value?.name}</h1>
      <span class="crumb">{git.value?.branch}</span>
      <button type="button" class="find" onClick={() => openPalette()}>
        <span>{words.find}</span>
        <kbd>{keyText('Mod-p')}</kbd>
      </button>
      <span class="who">
        {others.slice(0, 5).map((p) => (
          <Avatar key={p.id} person={p} size={24} />
        ))}
        {regions.value.size > 0 && <Avatar person="model" size={24} />}
      </span>
      <button type="button" aria-label={words.share} onClick={() => (sharing.value = true)}>
        <Icon name="users" size={14} />
        <span class="wide">{words.share}</span>
      </button>
      <PersonMenu me={me} />
      {now && <ShareDialog open={sharing.value} onClose={() => (sharing.value = false)} />}
    </header>
  )
}
