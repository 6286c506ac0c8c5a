// The other side bars: search, people.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { get, Refusal } from '../net/http'
import { Avatar } from '../ui/avatar'
import { Failure } from '../ui/failure'
import { words } from '../ui/words/shell'
import type { Problem, SearchAnswer } from '../wire'
import * as files from './files'
import { live } from './live'
import { shownName } from './tree-model'

const CALM_MS = 220

export function SearchSide() {
  const text = useSignal('')
  const regex = useSignal(false)
  const matchCase = useSignal(false)
  const answer = useSignal<SearchAnswer | null>(null)
  const problem = useSignal<Problem | null>(null)
  const turn = useRef(0)
  useEffect(() => {
    const mine = ++turn.current
    if (!text.value.trim()) {
      answer.value = null
      problem.value = null
      return
    }
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ q: text.value, regex: String(regex.value), case: String(matchCase.value) })
      try {
        const found = await get<SearchAnswer>(`/workspaces/${live.peek()?.id}/search?${query}`)
        if (mine !== turn.current) return
        answer.value = found
        problem.value = null
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (mine === turn.current) problem.value = error.problem
      }
    }, CALM_MS)
    return () => clearTimeout(timer)
  }, [text.value, regex.value, matchCase.value])
  const byFile = Map.groupBy(answer.value?.hits ?? [], (hit) => hit.path)
  return (
    <div class="side-body">
      <header class="side-head">
        <h2>{words.search}</h2>
      </header>
      <div class="side-form">
        <input
          type="search"
          aria-label={words.searchFor}
          placeholder={words.searchFor}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        <label class="row small">
          <input type="checkbox" checked={regex.value} onChange={(e) => (regex.value = e.currentTarget.checked)} />
          {words.regex}
        </label>
        <label class="row small">
          <input
            type="checkbox"
            checked={matchCase.value}
            onChange={(e) => (matchCase.value = e.currentTarget.checked)}
          />
          {words.matchCase}
        </label>
      </div>
      {problem.value && <Failure problem={problem.value} />}
      {!text.value && <p class="side-note">{words.searchHint}</p>}
      {answer.value && (
        <p class="side-note num" role="status">
          {answer.value.hits.length ? words.hits(answer.value.hits.length, byFile.size) : words.noHits}
          {answer.value.truncated && `, ${words.someHits}`}
        </p>
      )}
      {[...byFile].map(([path, hits]) => (
        <section key={path} class="hits">
          <h3>{shownName(path)}</h3>
          {hits.map((hit) => (
            <button
              key={`${hit.line}:${hit.column}`}
              type="button"
              class="hit"
              onClick={() => void files.openFile(path, hit.line)}
            >
              <span class="num faint">{hit.line}</span>
              <code>{hit.text.trim()}</code>
            </button>
          ))}
        </section>
      ))}
    </div>
  )
}

export function PeopleSide() {
  const now = live.value
  const seen = now?.presence.value ?? []
  const people = now?.people.value ?? []
  return (
    <div class="side-body">
      <header class="side-head">
        <h2>{words.people}</h2>
      </header>
      {people.map((person) => {
        const path = seen.find((p) => p.id === person.id && p.path)?.path
        return (
          <button
            key={person.id}
            type="button"
            class="person"
            disabled={!path}
            onClick={() => path && void files.openFile(path)}
          >
            <Avatar person={person} />
            <span>
              {person.name}
              {person.id === now?.me.id && <span class="faint"> {words.you}</span>}
              {path && <small class="muted">{words.inFile(shownName(path))}</small>}
            </span>
          </button>
        )
      })}
      {people.length < 2 && <p class="side-note">{words.aloneText}</p>}
    </div>
  )
}
