// Share: who is in the workspace with which role, and a link that brings one more person in.
import './share.css'
import { type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { Worktrees } from '../jobs/delegate/worktrees'
import { visible } from '../jobs/detail/log'
import { del, get, patch, post } from '../net/http'
import { problemOf } from '../net/problem'
import { Rules } from '../sessions/rules'
import { Avatar } from '../ui/avatar'
import { Dialog } from '../ui/dialog'
import { Failure } from '../ui/failure'
import { Icon } from '../ui/icon'
import { Skeleton } from '../ui/skeleton'
import { toast } from '../ui/toast'
import { words } from '../ui/words/around'
import type { InviteLink, Member, Problem, Role } from '../wire'
import { live } from './live'
import { go } from './route'

const say = words.share
const ROLES: Role[] = ['owner', 'maintainer', 'editor', 'commenter', 'viewer']

/** Whether a role may invite and change roles (the server asks again). */
export function mayShare(role: Role): boolean {
  return role === 'owner' || role === 'maintainer'
}

/** Roles a person may give: nobody gives more than they have. */
export function givable(role: Role): Role[] {
  return ROLES.slice(ROLES.indexOf(role))
}

export function ShareDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const home = live.value
  const name = visible(home?.workspace.value?.name ?? '')
  return (
    <Dialog title={say.title(name)} open={open} onClose={onClose}>
      {open && (home ? <Share workspace={home.id} role={home.role.value} onLeft={onClose} /> : <p>{say.offline}</p>)}
    </Dialog>
  )
}

interface ShareProps {
  workspace: string
  role: Role
  onLeft: () => void
}

function Share({ workspace, role, onLeft }: ShareProps) {
  const members = useSignal<Member[] | null>(null)
  const problem = useSignal<Problem | null>(null)
  const load = async () => {
    try {
      members.value = await get<Member[]>(`/workspaces/${workspace}/people`)
      problem.value = null
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  useSignalEffect(() => {
    load()
  })
  const may = mayShare(role)
  return (
    <div class="share">
      <h3>{say.people}</h3>
      {problem.value && <Failure problem={problem.value} retry={load} />}
      {!members.value && !problem.value && <Skeleton />}
      {members.value && (
        <ul class="share-people">
          {members.value.map((one) => (
            <Person key={one.id} {...{ member: one, may, role, workspace, problem, onLeft, onChanged: load }} />
          ))}
        </ul>
      )}
      {(members.value || problem.value) && ( // not before: it would move away from who is about to press it
        <>
          {may ? <Invite workspace={workspace} role={role} /> : <p class="small muted share-not">{say.mayNot}</p>}
          <Rules workspace={workspace} role={role} />
          <Worktrees workspace={workspace} role={role} />
        </>
      )}
    </div>
  )
}

interface PersonProps {
  member: Member
  may: boolean
  role: Role
  workspace: string
  problem: Signal<Problem | null>
  onChanged: () => Promise<void>
  onLeft: () => void
}

function Person({ member, may, role, workspace, problem, onChanged, onLeft }: PersonProps) {
  const asking = useSignal(false)
  const path = `/workspaces/${workspace}/people/${member.id}`
  const attempt = async (ask: () => Promise<unknown>, done: () => unknown = onChanged) => {
    try {
      await ask()
      problem.value = null
      await done()
    } catch (error) {
      await onChanged() // the select shows again what is true
      problem.value = problemOf(error)
    }
  }
  const remove = () => {
    asking.value = false
    const left = () => {
      onLeft()
      go('/')
    }
    attempt(() => del(path), member.you ? left : onChanged)
  }
  const title = member.you ? say.leaveTitle : say.removeTitle(member.name)
  return (
    <li>
      <Avatar person={member} size={24} />
      <span class="share-name">
        {visible(member.name)} {member.you && <small class="muted">{say.you}</small>}
      </span>
      {may && (givable(role).includes(member.role) || member.you) ? (
        <RoleSelect
          value={member.role}
          roles={givable(role)}
          label={say.roleOf(member.name)}
          onChange={(next) => attempt(() => patch(path, { role: next }))}
        />
      ) : (
        <span class="muted">{words.roles[member.role]}</span>
      )}
      {may || member.you ? (
        <button
          type="button"
          class="quiet icon"
          aria-label={member.you ? say.leave : say.remove(member.name)}
          title={member.you ? say.leave : say.remove(member.name)}
          onClick={() => {
            asking.value = true
          }}
        >
          <Icon name="x" size={14} />
        </button>
      ) : (
        <span />
      )}
      {asking.value && (
        <div class="share-ask" role="alertdialog" aria-label={title}>
          <p>
            <b>{title}</b> {member.you ? say.leaveText : say.removeText}
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
          <button type="button" class="danger" onClick={remove}>
            {member.you ? say.leave : words.remove}
          </button>
        </div>
      )}
    </li>
  )
}

interface RoleSelectProps {
  value: Role
  roles: readonly Role[]
  label: string
  onChange: (role: Role) => void
}

function RoleSelect({ value, roles, label, onChange }: RoleSelectProps) {
  return (
    <select
      aria-label={label}
      value={value}
      title={words.roleMeans[value]}
      onChange={({ currentTarget }) => onChange(currentTarget.value as Role)}
    >
      {roles.map((role) => (
        <option key={role} value={role} title={words.roleMeans[role]}>
          {words.roles[role]}
        </option>
      ))}
    </select>
  )
}

function Invite({ workspace, role }: { workspace: string; role: Role }) {
  const wanted = useSignal<Role>('editor')
  const made = useSignal<InviteLink | null>(null)
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const make = async () => {
    busy.value = true
    problem.value = null
    try {
      made.value = await post<InviteLink>(`/workspaces/${workspace}/invites`, { role: wanted.peek() })
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  return (
    <section class="share-invite">
      <h3>{say.invite}</h3>
      <div class="share-make">
        <RoleSelect
          value={wanted.value}
          roles={givable(role)}
          label={say.inviteRole}
          onChange={(next) => {
            wanted.value = next
          }}
        />
        <small class="muted">{words.roleMeans[wanted.value]}</small>
        <button type="button" class={made.value ? '' : 'primary'} disabled={busy.value} onClick={make}>
          {busy.value ? say.making : made.value ? say.another : say.make}
        </button>
      </div>
      {problem.value && <Failure problem={problem.value} />}
      {made.value && <Link made={made.value} />}
    </section>
  )
}

function Link({ made }: { made: InviteLink }) {
  const field = useRef<HTMLInputElement>(null)
  const id = useId()
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(made.link)
      toast(words.copied)
    } catch (error) {
      toast(problemOf(error).message, 'warn')
    }
  }
  return (
    <div class="share-link">
      <label for={id} class="visually-hidden">
        {say.link}
      </label>
      <input
        id={id}
        ref={field}
        class="code"
        readOnly
        value={made.link}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <button type="button" class="primary" onClick={copy}>
        <Icon name="copy" size={14} /> {words.copy}
      </button>
      <small class="muted">
        {words.roles[made.role]}. {say.once}
      </small>
    </div>
  )
}
