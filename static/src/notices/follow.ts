// An open workspace: it says when there is something new for this person, and the tab's title says how things stand.
import { effect } from '@preact/signals'
import { counts, jobs } from '../jobs/state'
import { words } from '../ui/words/progress'
import { jobsBadge } from '../workspace/layout'
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

effect(() => {
  const { active, badge, review, waiting } = counts.value
  jobsBadge.value = { n: badge, label: words.badge(active - waiting, review + waiting), class: waiting ? 'you' : '' }
})
