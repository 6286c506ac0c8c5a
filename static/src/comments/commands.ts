// The commands of comments: there before the panel is.
import { comments as words } from '../ui/words/past'
import { registerCommand } from '../workspace/commands'
import { live } from '../workspace/live'
import { beginOn } from './acts'
import { KEY, step } from './draw'

const active = () => live.peek()?.documents.active.peek() ?? null
const isOpen = () => active() !== null
registerCommand({ id: 'comment.begin', title: words.begin, key: KEY, when: isOpen, run: () => beginOn(active()!) })
registerCommand({ id: 'comment.next', title: words.next, when: isOpen, run: () => step(active()!, 1) })
registerCommand({ id: 'comment.previous', title: words.previous, when: isOpen, run: () => step(active()!, -1) })
