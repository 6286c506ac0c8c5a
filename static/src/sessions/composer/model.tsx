// Which model is asked: what each is good at, which is the default, and what is wrong with it.
import { useEffect } from 'preact/hooks'
import { openModels } from '../../models/show'
import { Icon } from '../../ui/icon'
import { Menu, type MenuItem } from '../../ui/menu'
import { words } from '../../ui/words/composer'
import { words as models } from '../../ui/words/models'
import { words as shell } from '../../ui/words/shell'
import type { Endpoint } from '../../wire'
import type { Live } from '../../workspace/live'

interface Props {
  live: Live
  picked: number | null
  pick: (id: number) => void
}

export function ModelPicker({ live, picked, pick }: Props) {
  const all = live.models.value?.endpoints ?? []
  const now = all.find((one) => one.id === picked)
  const connect = { label: shell.models, run: () => openModels() }
  if (!now) return <Menu button={models.title} label={models.title} up left items={[connect]} />
  const item = (one: Endpoint): MenuItem => ({
    label: one.name,
    checked: one.id === picked,
    run: () => pick(one.id),
    ...stateOf(one, one.id === live.models.value?.default),
    detail: goodAt(one),
  })
  return (
    <Menu
      button={
        <>
          {restsUntil(now) && <Icon name="triangle-alert" size={12} />}
          <span class="endpoint-name">{now.name}</span> <Icon name="chevron-down" size={12} />
        </>
      }
      label={words.model(now.name)}
      up
      left
      items={[...all.map(item), connect]}
    />
  )
}

/** What it is good at, in a line: the model's name, tools, pictures, its window, its price. */
export function goodAt({ name, model, drives_tools, images, window, price }: Endpoint): string {
  const sees = images === null || images === undefined ? null : images ? words.sees : words.textAlone
  return [
    model !== name && model,
    drives_tools ? words.tools : words.noTools,
    sees,
    words.windowOf(window),
    price && words.price(price.input, price.output),
  ]
    .filter(Boolean)
    .join(' · ')
}

function stateOf(one: Endpoint, isDefault: boolean): { hint?: string; why?: string; tone?: 'warn' } {
  const until = restsUntil(one)
  if (until)
    return { hint: models.restingLabel(until), why: models.resting(one.name, until, one.problem), tone: 'warn' }
  if (one.problem) return { hint: words.problem(one.problem), why: one.problem, tone: 'warn' }
  return isDefault ? { hint: words.isDefault, why: words.chosenBefore } : {}
}

const restsUntil = ({ resting_until }: Endpoint) =>
  resting_until && Date.parse(resting_until) > Date.now() ? resting_until : null

/** What the server says of the models, read again after a turn that failed: one may be resting now. */
export function useResting(live: Live, endpoint: Endpoint | null): string {
  useEffect(
    () => live.on((event) => event.type === 'turn.ended' && event.turn.state === 'failed' && void live.askModels()),
    [live],
  )
  const until = endpoint && restsUntil(endpoint)
  return until ? models.resting(endpoint.name, until, endpoint.problem) : ''
}
