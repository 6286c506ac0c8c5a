// Access tokens of the person: what there is, a new one (its secret is shown once), and revoking.
import './tokens.css'
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { visible } from '../jobs/detail/log'
import { ago } from '../jobs/time'
import { del, get, post } from '../net/http'
import { problemOf } from '../net/problem'
import { Dialog } from '../ui/dialog'
import { Empty } from '../ui/empty'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { toast } from '../ui/toast'
import { words } from '../ui/words/around'
import { words as say } from '../ui/words/tokens'
import type { AccessToken, AccessTokens, Problem } from '../wire'

type Made = AccessToken & { secret: string }
const DAYS = [7, 30, 90, 365]

export function TokensDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title={say.title} open={open} onClose={onClose}>
      {open && <Tokens />}
    </Dialog>
  )
}

function Tokens() {
  const all = useSignal<AccessTokens | null>(null)
  const problem = useSignal<Problem | null>(null)
  const made = useSignal<Made | null>(null)
  const load = async () => {
    try {
      all.value = await get<AccessTokens>('/me/tokens')
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useSignalEffect(() => {
    load()
  })
  const { tokens, teams } = all.value ?? { tokens: [], teams: [] }
  return (
    <div class="tokens">
      <p class="muted">{say.about}</p>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!all.value && !problem.value && <Skeleton />}
      {all.value && tokens.length === 0 && <Empty title={say.empty} text={say.emptyText} />}
      {tokens.length > 0 && (
        <ul aria-label={say.list}>
          {tokens.map((token) => (
            <Row key={token.id} token={token} problem={problem} onChanged={load} />
          ))}
        </ul>
      )}
      {made.value && <Secret made={made.value} onDone={() => (made.value = null)} />}
      {all.value && !made.value && (
        <Make
          teams={teams}
          onMade={(token) => {
            made.value = token
            load()
          }}
        />
      )}
    </div>
  )
}

interface RowProps {
  token: AccessToken
  problem: Signal<Problem | null>
  onChanged: () => Promise<void>
}

function Row({ token, problem, onChanged }: RowProps) {
  const asking = useSignal(false)
  const name = visible(token.name)
  const revoke = async () => {
    asking.value = false
    try {
      await del(`/me/tokens/${token.id}`)
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
    await onChanged()
  }
  const facts = [
    say.scopes[token.scope],
    ...(token.team ? [say.inTeam(visible(token.team.name))] : []),
    token.live ? say.ends(token.expires_at) : say.ended(token.expires_at),
    token.used_at ? say.used(ago(token.used_at, Date.now())) : say.unused,
  ]
  return (
    <li class={token.live ? '' : 'tokens-over'}>
      <span class="tokens-name">
        <b>{name}</b>
        <small class="muted">{facts.join(' · ')}</small>
      </span>
      <button
        type="button"
        class="quiet icon"
        aria-label={say.revoke(name)}
        title={say.revoke(name)}
        onClick={() => {
          asking.value = true
        }}
      >
        <Icon name="x" size={14} />
      </button>
      {asking.value && (
        <div class="tokens-ask" role="alertdialog" aria-label={say.revokeTitle(name)}>
          <p>
            <b>{say.revokeTitle(name)}</b> {say.revokeText}
          </p>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              asking.value = false
            }}
          >
            {words.cancel}
          </button>
          <button type="button" class="danger" onClick={revoke}>
            {say.yes}
          </button>
        </div>
      )}
    </li>
  )
}

function Make({ teams, onMade }: { teams: AccessTokens['teams']; onMade: (token: Made) => void }) {
  const id = useId()
  const name = useSignal('')
  const scope = useSignal<AccessToken['scope']>('read')
  const days = useSignal(30)
  const team = useSignal('')
  const busy = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const make = async (event: Event) => {
    event.preventDefault()
    busy.value = true
    problem.value = null
    const body = { name: name.peek(), scope: scope.peek(), days: days.peek(), team: team.peek() || null }
    try {
      onMade(await post<Made>('/me/tokens', body))
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  return (
    <form class="tokens-make" onSubmit={make}>
      <h3>{say.make}</h3>
      <label for={`${id}-name`}>{say.name}</label>
      <input
        id={`${id}-name`}
        required
        maxLength={80}
        autocomplete="off"
        placeholder={say.nameHint}
        value={name.value}
        onInput={({ currentTarget }) => {
          name.value = currentTarget.value
        }}
      />
      <label for={`${id}-scope`}>{say.scope}</label>
      <span class="tokens-scope">
        <select
          id={`${id}-scope`}
          value={scope.value}
          onChange={({ currentTarget }) => {
            scope.value = currentTarget.value as AccessToken['scope']
          }}
        >
          <option value="read">{say.scopes.read}</option>
          <option value="write">{say.scopes.write}</option>
        </select>
        <small class="muted">{say.scopeMeans[scope.value]}</small>
      </span>
      <label for={`${id}-days`}>{say.days}</label>
      <select
        id={`${id}-days`}
        value={days.value}
        onChange={({ currentTarget }) => {
          days.value = Number(currentTarget.value)
        }}
      >
        {DAYS.map((one) => (
          <option key={one} value={one}>
            {say.lasts(one)}
          </option>
        ))}
      </select>
      <label for={`${id}-team`}>{say.team}</label>
      <select
        id={`${id}-team`}
        value={team.value}
        onChange={({ currentTarget }) => {
          team.value = currentTarget.value
        }}
      >
        <option value="">{say.allTeams}</option>
        {teams.map((one) => (
          <option key={one.id} value={one.id}>
            {visible(one.name)}
          </option>
        ))}
      </select>
      {problem.value && <Failure problem={problem.value} />}
      <button type="submit" class="primary" disabled={busy.value}>
        {busy.value ? say.making : say.create}
      </button>
    </form>
  )
}

function Secret({ made, onDone }: { made: Made; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const id = useId()
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(made.secret)
      toast(words.copied)
    } catch (error) {
      toast(problemOf(error).message, 'warn')
    }
  }
  return (
    <div class="tokens-secret">
      <label for={id}>{say.secret(visible(made.name))}</label>
      <input
        id={id}
        ref={field}
        class="code"
        readOnly
        value={made.secret}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <button type="button" class="primary" onClick={copy}>
        <Icon name="copy" size={14} /> {words.copy}
      </button>
      <button type="button" class="quiet" onClick={onDone}>
        {say.done}
      </button>
      <small class="muted">{say.once}</small>
    </div>
  )
}
