// An open workspace: it says when there is something new for this person, and the tab's title says how things stand.
import { effect } from '@preact/signals'
import { jobs } from '../jobs/state'
import { live } from '../workspace/live'
import { look, told } from './state'
import { progress, title } from './title'

effect(() => {
  const stop = live.value?.on((event) => {
    if (event.type === 'notices') void look()
  })
  return stop
})

effect(() => {
  const home = live.value
  if (!home) return
  const name = home.workspace.value?.name ?? ''
  document.title = title(told.value?.unread ?? 0, progress(jobs.value.values()), name, home.me.site)
})
