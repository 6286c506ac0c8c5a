// An open workspace says when there is something new for this person.
import { effect } from '@preact/signals'
import { live } from '../workspace/live'
import { look } from './state'

effect(() => {
  const stop = live.value?.on((event) => {
    if (event.type === 'notices') void look()
  })
  return stop
})
