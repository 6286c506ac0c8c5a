// What one may do about oneself, on every screen of the app.
import { useSignal } from '@preact/signals'
import { Avatar } from '../ui/avatar'
import { lazy } from '../ui/lazy'
import { Menu, type MenuItem } from '../ui/menu'
import { words } from '../ui/words/shell'
import type { Me } from '../wire'
import { registerCommand } from './commands'
import { theme } from './layout'
import { SignOutDialog, signOut } from './sign-out'

const TokensDialog = lazy(
  () => import('./tokens').then((part) => part.TokensDialog),
  () => null,
)

const flip = () => {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
}
registerCommand({ id: 'view.theme', title: 'Switch between dark and light', run: flip })

// `more` is what can be done only where a workspace is open: Home carries nothing of one.
export function PersonMenu({ me, more = [] }: { me: Me; more?: MenuItem[] }) {
  const tokens = useSignal(false)
  const open = () => {
    tokens.value = true
  }
  const close = () => {
    tokens.value = false
  }
  return (
    <>
      <Menu
        label={words.person}
        button={<Avatar person={me} size={24} />}
        class="quiet icon"
        items={[
          { label: theme.value === 'dark' ? words.light : words.dark, run: flip },
          ...(me.staff ? [{ label: words.dashboard, run: () => location.assign('/dashboard/') }] : []),
          ...more,
          { label: words.tokens, run: open },
          { label: words.security, run: () => location.assign('/accounts/2fa/') },
          { label: words.password, run: () => location.assign('/accounts/password/change/') },
          { label: words.signOut, run: () => void signOut(me) },
        ]}
      />
      <SignOutDialog me={me} />
      {tokens.value && <TokensDialog open onClose={close} />}
    </>
  )
}
