// What is shown and how large, kept per browser.
import { effect, signal } from '@preact/signals'

export type Side = 'files' | 'search' | 'changes' | 'comments' | 'history' | 'jobs' | 'people'
export type Bottom = 'jobs' | 'notices'
export type Pane = 'side' | 'main' | 'talk'

interface Kept {
  side: number
  talk: number
  bottom: number
  sideOpen: boolean
  talkOpen: boolean
  bottomOpen: boolean
}
const KEY = 'tandem.layout'
const START: Kept = { side: 232, talk: 348, bottom: 172, sideOpen: true, talkOpen: true, bottomOpen: true }

function kept(): Kept {
  try {
    return { ...START, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Kept>) }
  } catch {
    return START
  }
}

export const sizes = signal<Kept>(kept())
export const side = signal<Side>('files')
export const bottom = signal<Bottom>('jobs')
/** What the rail says of jobs; set by code that comes after the first paint. */
export const jobsBadge = signal({ n: 0, label: '', class: '' })
export const pane = signal<Pane>('main') // narrow windows show one at a time
const few = globalThis.matchMedia?.('(max-width: 900px)')
export const narrow = signal(few?.matches ?? false)
few?.addEventListener('change', () => {
  narrow.value = few.matches
  if (few.matches) keepInSight()
})

/** A window that becomes narrow shows the pane one is in: that of an open dialog, else that of the focus. */
function keepInSight() {
  const here = document.querySelector('dialog[open]') ?? document.activeElement
  for (const name of ['side', 'main', 'talk'] as const) if (here?.closest(`.${name}`)) pane.value = name
}
export const change = (part: Partial<Kept>) => {
  sizes.value = { ...sizes.value, ...part }
}
export const toggle = (name: 'sideOpen' | 'talkOpen' | 'bottomOpen') => change({ [name]: !sizes.value[name] })

effect(() => localStorage.setItem(KEY, JSON.stringify(sizes.value)))

export const theme = signal(document.documentElement.dataset.theme === 'light' ? 'light' : 'dark')
effect(() => {
  document.documentElement.dataset.theme = theme.value
  // biome-ignore lint/suspicious/noDocumentCookie: the server's pages read it; the Cookie Store API is not everywhere
  document.cookie = `tandem_theme=${theme.value}; path=/; max-age=31536000; SameSite=Lax`
})
