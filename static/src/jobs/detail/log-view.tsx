// Everything a job said, as text nodes: what came from a model or a command is never markup.
import '../../ui/ansi.css'
import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { problemOf } from '../../net/problem'
import { toast } from '../../ui/toast'
import { words } from '../../ui/words/around'
import type { JobEvent } from '../../wire'
import { type Line, linesOf } from './log'

const say = words.job
const LINES_SHOWN = 300

function Said({ line }: { line: Line }) {
  if (!line.runs) return <>{line.text}</>
  return (
    <>
      {line.runs.map((run, at) =>
        run.style ? (
          <span key={at} class={run.style}>
            {run.text}
          </span>
        ) : (
          run.text
        ),
      )}
    </>
  )
}

function copy(lines: readonly Line[]) {
  navigator.clipboard.writeText(lines.map((line) => line.text).join('\n')).then(
    () => toast(words.copied),
    (error: unknown) => toast(problemOf(error).message, 'warn'),
  )
}

export function Log({ events }: { events: readonly JobEvent[] }) {
  const all = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const lines = linesOf(events)
  const shown = all.value ? lines : lines.slice(-LINES_SHOWN)
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines.length])
  return (
    <div class="job-says">
      <h3>
        {say.logTitle}
        {lines.length > 0 && (
          <button type="button" class="quiet job-aside" onClick={() => copy(lines)}>
            {say.copyLog}
          </button>
        )}
      </h3>
      {!lines.length && <p class="muted">{say.noLog}</p>}
      {shown.length < lines.length && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            all.value = true
          }}
        >
          {say.earlier(lines.length - shown.length)}
        </button>
      )}
      {lines.length > 0 && (
        <div
          class="job-log"
          ref={box}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          role="log"
          aria-label={say.logTitle}
          onScroll={({ currentTarget: box }) => {
            atEnd.current = box.scrollTop + box.clientHeight > box.scrollHeight - 8
          }}
        >
          {shown.map((line) => (
            <p key={line.id} data-kind={line.kind} data-bad={line.bad || undefined}>
              <Said line={line} />
            </p>
          ))}
        </div>
      )}
    </div>
  )
}
