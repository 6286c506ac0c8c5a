// Whether the models screen is open, and the command that opens it.
import { signal } from '@preact/signals'
import { words } from '../ui/words/shell'
import { registerCommand } from '../workspace/commands'
import { live } from '../workspace/live'

export const showing = signal(false)
export const opensAt = signal<'list' | 'meters'>('list')
export const openModels = (at: 'list' | 'meters' = 'list') => {
  opensAt.value = at
  showing.value = true
}
registerCommand({ id: 'models.open', title: words.models, when: () => live.value !== null, run: () => openModels() })
