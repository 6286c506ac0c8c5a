// Signing out takes along what this browser kept of the person; where some of it is saved nowhere else, they are asked.
import { type Signal, signal } from '@preact/signals'
import { forgetAll, keptOf } from '../documents/forget'
import { Dialog } from '../ui/dialog'
import { words } from '../ui/words/shell'
import type { Me } from '../wire'

/** The documents that are open here, if any. */
export interface Here {
  readonly unsaved: boolean
  saved(): Promise<void>
  destroy(): void
}
export const here: Signal<Here | null> = signal(null)

const asking = signal(false)
const SAVING_MS = 2000 // what was typed just now is saved meanwhile

export async function signOut(me: Me) {
  const soon = new Promise((done) => setTimeout(done, SAVING_MS))
  await Promise.race([here.peek()?.saved(), soon])
  if (here.peek()?.unsaved || (await keptOf(me.id))) asking.value = true
  else await leave(me)
}

// Sign-out is a form of the server: it needs a POST.
async function leave(me: Me) {
  here.peek()?.destroy()
  window.onbeforeunload = null // they have said so
  await forgetAll(me.id)
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

export function SignOutDialog({ me }: { me: Me }) {
  if (!asking.value) return null
  const close = () => {
    asking.value = false
  }
  const footer = (
    <>
      <button type="button" autofocus onClick={close}>
        {words.staySignedIn}
      </button>
      <button type="button" class="danger" onClick={() => void leave(me)}>
        {words.signOutAnyway}
      </button>
    </>
  )
  return (
    <Dialog title={words.signOutTitle} open onClose={close} footer={footer}>
      <p>{words.signOutText}</p>
    </Dialog>
  )
}
