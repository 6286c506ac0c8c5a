import { useSignal } from '@preact/signals'
import { regions } from '../documents/proposals/proposals'
import { openModels, showing } from '../models/show'
import { Icon } from '../ui/icon'
import { lazy } from '../ui/lazy'
import { words } from '../ui/words/shell'
import type { Me } from '../wire'
import { keyText } from './commands'
import { git } from './files'
import { openPalette } from './find'
import { FollowButton } from './follow-bar'
import { live } from './live'
import { PersonMenu } from './person-menu'
import { go } from './route'

const ShareDialog = lazy(
  () => import('./share').then((part) => part.ShareDialog),
  () => null,
)

const Bell = lazy(
  () => import('../notices/bell').then((part) => part.Bell),
  () => null,
)

const ModelsDialog = lazy(
  () => import('../models/dialog').then((part) => part.ModelsDialog),
  () => null,
)

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
          <FollowButton key={p.id} who={p} />
        ))}
        {regions.value.size > 0 && <FollowButton who="model" />}
      </span>
      <button type="button" aria-label={words.share} onClick={() => (sharing.value = true)}>
        <Icon name="users" size={14} />
        <span class="wide">{words.share}</span>
      </button>
      <Bell />
      <PersonMenu me={me} more={[{ label: words.models, run: () => openModels() }]} />
      {now && sharing.value && <ShareDialog open onClose={() => (sharing.value = false)} />}
      {now && showing.value && <ModelsDialog live={now} onClose={() => (showing.value = false)} />}
    </header>
  )
}
