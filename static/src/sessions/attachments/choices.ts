// What can be mentioned now, in groups, narrowed by what is typed behind the @. Pure.
import type { OpenDocument } from '../../documents/open'
import type { IconName } from '../../ui/icon'
import { words } from '../../ui/words/composer'
import type { FoundSymbol, Item, Job, Mention, MentionOffers, TreeEntry } from '../../wire'
import { rank } from '../../workspace/fuzzy'
import { shownName } from '../../workspace/tree-model'
import { ICONS, labelOf, selectionOf } from './mentions'

export type Group = keyof typeof words.groups

export interface Choice {
  mention: Mention
  group: Group
  icon: IconName
  label: string
  hint: string
}

/** Where it is looked. `items` are those of the session on screen; `symbols` fit the query already. */
export interface Ground {
  active: OpenDocument | null
  tabs: readonly OpenDocument[]
  entries: readonly TreeEntry[]
  changed: number
  offers: MentionOffers
  jobs: readonly Job[]
  items: readonly Item[]
  symbols: readonly FoundSymbol[]
}

const SHOWN = { tabs: 6, files: 8, folders: 4, symbols: 6, jobs: 3, turns: 3 }
const LONGEST_NAME = 60

export function choices(ground: Ground, query: string): Choice[] {
  const here = narrowed(query, [...aroundHere(ground), ...(query ? [] : tabs(ground))], SHOWN.tabs + 5)
  const later = [
    ...narrowed(query, ground.jobs.map(jobChoice), SHOWN.jobs),
    ...narrowed(query, turnChoices(ground.items), SHOWN.turns),
  ]
  if (!query) return [...here, ...later]
  return [...here, ...files(ground, query), ...folders(ground, query), ...symbols(ground), ...later]
}

function narrowed(query: string, list: Choice[], most: number): Choice[] {
  const names = list.map((one) => one.label)
  return rank(query, names, most).map((at) => list[at]!)
}

function choice(group: Group, mention: Mention, hint: string, label = labelOf(mention)): Choice {
  return { mention, group, icon: ICONS[mention.kind], label, hint }
}

function aroundHere({ active, changed, offers }: Ground): Choice[] {
  const found: Choice[] = []
  const selection = active && selectionOf(active)
  if (selection) found.push(choice('here', selection, labelOf(selection), words.selection))
  if (changed) found.push(choice('here', { kind: 'diff' }, words.changedFiles(changed)))
  if (offers.commands) found.push(choice('here', { kind: 'terminal' }, words.ranCommands(offers.commands)))
  if (offers.problems) found.push(choice('here', { kind: 'problems' }, words.syntaxProblems(offers.problems)))
  return found
}

function tabs({ active, tabs }: Ground): Choice[] {
  const all = [...(active ? [active] : []), ...tabs.filter((one) => one !== active)].slice(0, SHOWN.tabs)
  return all.map((one) =>
    choice('here', { kind: 'file', path: one.path.peek() }, one === active ? words.openFile : words.tab),
  )
}

/** The name first, its folder beside it: what differs is read first. */
function named(group: Group, mention: Mention): Choice {
  const path = shownName(mention.path ?? '')
  const cut = path.lastIndexOf('/')
  return choice(group, mention, path.slice(0, Math.max(cut, 0)), path.slice(cut + 1) + (group === 'folders' ? '/' : ''))
}

function files({ entries }: Ground, query: string): Choice[] {
  const paths = entries.filter((one) => one.kind === 'file' && !one.problem).map((one) => one.path)
  return rank(query, paths, SHOWN.files).map((at) => named('files', { kind: 'file', path: paths[at]! }))
}

function folders({ entries }: Ground, query: string): Choice[] {
  const paths = entries.filter((one) => one.kind === 'folder' && !one.problem).map((one) => one.path)
  const text = query.replace(/\/$/, '')
  return rank(text, paths, SHOWN.folders).map((at) => named('folders', { kind: 'folder', path: paths[at]! }))
}

function symbols({ symbols }: Ground): Choice[] {
  return symbols.slice(0, SHOWN.symbols).map(({ name, path, line }) => {
    const mention: Mention = { kind: 'symbol', name, path, line }
    return choice('symbols', mention, `${shownName(path)}, ${words.line(line)}`, name)
  })
}

function jobChoice(job: Job): Choice {
  const name = short(job.instruction)
  return choice('jobs', { kind: 'job', id: job.id, name }, words.jobState(job.state), name)
}

/** Turns of this session by what was asked, the newest first. */
function turnChoices(items: readonly Item[]): Choice[] {
  const asked = items.filter((item) => item.kind === 'person' && !item.data.steer)
  return asked.reverse().map((item) => {
    const name = short(item.kind === 'person' ? item.data.text : '')
    return choice('turns', { kind: 'turn', id: item.turn, name }, item.author?.name ?? '', name)
  })
}

function short(text: string): string {
  const line = text.trim().split('\n', 1)[0]!
  return line.length > LONGEST_NAME ? `${line.slice(0, LONGEST_NAME - 1)}…` : line
}
