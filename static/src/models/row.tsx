// One model: what is known of it, and what may be done with it.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { visible } from '../jobs/detail/log'
import { problemOf } from '../net/problem'
import { Failure } from '../ui/failure'
import { words as around } from '../ui/words/around'
import { words } from '../ui/words/models'
import type { EndpointSettings, Problem, Trial } from '../wire'
import { stateOf } from './draft'
import type { Settings } from './settings'

interface Props {
  row: EndpointSettings
  settings: Settings
  onEdit: () => void
}

export function Row({ row, settings, onEdit }: Props) {
  const act = useAct()
  const trial = useSignal<Trial | null>(null)
  const asking = useSignal(false)
  const name = visible(row.name)
  const test = () => {
    trial.value = null
    void act.run(words.testing, async (signal) => {
      trial.value = await settings.test(row, signal)
    })
  }
  const remove = () => {
    asking.value = false
    void act.run(null, () => settings.remove(row))
  }
  const busy = act.busy.value !== null
  const changes = row.may_change && !row.scripted
  return (
    <li class="model-one" aria-label={name}>
      <Facts row={row} tried={settings.tried.value.has(row.id)} />
      {changes && (
        <p class="model-acts">
          <button type="button" aria-label={words.testOf(name)} title={words.testTitle} disabled={busy} onClick={test}>
            {words.test}
          </button>
          {!row.builtin && (
            <>
              <button
                type="button"
                aria-label={words.probeOf(name)}
                title={words.probeTitle}
                disabled={busy}
                onClick={() => void act.run(words.probing, (signal) => settings.probe(row, signal))}
              >
                {words.probe}
              </button>
              <button type="button" aria-label={words.editOf(name)} disabled={busy} onClick={onEdit}>
                {words.edit}
              </button>
              <button
                type="button"
                aria-label={words.switchOf(name, row.enabled)}
                disabled={busy}
                onClick={() => void act.run(null, () => settings.switch(row))}
              >
                {words.switch(row.enabled)}
              </button>
              <button
                type="button"
                class="danger"
                aria-label={words.removeOf(name)}
                disabled={busy}
                onClick={() => (asking.value = true)}
              >
                {words.remove}
              </button>
            </>
          )}
        </p>
      )}
      {asking.value && (
        <div class="models-ask" role="alertdialog" aria-label={words.removeTitle(name)}>
          <p>
            <b>{words.removeTitle(name)}</b> {words.removeText}
          </p>
          <button type="button" class="quiet" onClick={() => (asking.value = false)}>
            {around.cancel}
          </button>
          <button type="button" class="danger" onClick={remove}>
            {words.remove}
          </button>
        </div>
      )}
      <div role="status">
        {act.busy.value?.say && <Waiting say={act.busy.value.say} stop={act.stop} />}
        {trial.value && <Told trial={trial.value} />}
      </div>
      {act.problem.value && <Failure problem={act.problem.value} />}
    </li>
  )
}

function Facts({ row, tried }: { row: EndpointSettings; tried: boolean }) {
  const state = stateOf(row, Date.now(), tried)
  const facts = row.builtin
    ? [words.shipped, words.window(row.window)]
    : [
        words.dialects[row.dialect],
        words.window(row.window),
        words.price(row.price),
        row.has_key ? words.key : words.noKey,
        words.countsAs[row.pool],
        ...words.limited(row),
      ]
  return (
    <div class="model-facts">
      <p class="model-head">
        <b>{visible(row.name)}</b> <code class="muted">{visible(row.model)}</code>
        <span class={`model-state model-${state}`}>{words.states[state]}</span>
      </p>
      {state !== 'off' && row.problem && (
        <p class="small warn">
          {state === 'resting' && row.resting_until && words.until(row.resting_until)}{' '}
          {words.because(visible(row.problem))}
        </p>
      )}
      <p class="small muted num">{facts.join(' · ')}</p>
      {row.builtin && <p class="small muted">{words.shippedCan}</p>}
      {!row.builtin && row.probed_at && <p class="small muted">{words.abilities(row.abilities).join(' · ')}</p>}
      {!row.probed_at && row.may_change && !row.scripted && !row.builtin && (
        <p class="small muted">{words.noAbilities}</p>
      )}
    </div>
  )
}

function Waiting({ say, stop }: { say: (seconds: number) => string; stop: () => void }) {
  const seconds = useSignal(0)
  useEffect(() => {
    const timer = setInterval(() => seconds.value++, 1000)
    return () => clearInterval(timer)
  }, [])
  return (
    <p class="model-waiting num">
      <span aria-hidden="true">{say(seconds.value)}</span>
      <span class="visually-hidden">{say(0)}</span>
      <button type="button" onClick={stop}>
        {words.stop}
      </button>
    </p>
  )
}

function Told({ trial }: { trial: Trial }) {
  const limits = Object.entries(trial.limits)
  return (
    <dl class="model-trial num">
      <dt>{words.first}</dt>
      <dd>{words.ms(trial.ttft_ms)}</dd>
      <dt>{words.speed}</dt>
      <dd>{words.perSecond(trial.tokens_per_s)}</dd>
      {limits.length > 0 && (
        <>
          <dt>{words.limits}</dt>
          <dd>{limits.map(([name, value]) => `${visible(name)} ${visible(value)}`).join(' · ')}</dd>
        </>
      )}
      <dt>{words.answered}</dt>
      <dd class="model-said">{words.firstWords(visible(trial.text)) || words.nothing}</dd>
    </dl>
  )
}

interface Busy {
  say: ((seconds: number) => string) | null
}

/** One act at a time. `stop` gives up waiting: what the server has begun it may still finish. */
function useAct() {
  const busy = useSignal<Busy | null>(null)
  const problem = useSignal<Problem | null>(null)
  const control = useRef<AbortController | null>(null)
  const stop = () => control.current?.abort()
  useEffect(() => stop, [])
  const run = async (say: Busy['say'], act: (signal: AbortSignal) => Promise<void>) => {
    const { signal } = (control.current = new AbortController())
    busy.value = { say }
    problem.value = null
    try {
      await act(signal)
    } catch (error) {
      if (!signal.aborted) problem.value = problemOf(error)
    }
    busy.value = null
  }
  return { busy, problem, stop, run }
}
