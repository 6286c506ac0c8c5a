// The inside of a tool's card. Everything is text nodes: what a command prints is never markup.
import '../../ui/ansi.css'
import type { ComponentChildren } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { words } from '../../ui/words/library'
import { type Run, terminalLines } from './ansi'
import type { TranscriptActs } from './says'
import type { Detail, Hit, PatchedFile } from './tool'

type OpenAt = TranscriptActs['openAt']

export function Detailed({ detail, failed, openAt }: { detail: Detail; failed: boolean; openAt: OpenAt }) {
  if (detail.kind === 'command') return <Ran command={detail.command} output={detail.output} />
  if (detail.kind === 'read') return <Read {...detail} openAt={openAt} />
  if (detail.kind === 'hits') return <Hits hits={detail.hits} rest={detail.rest} openAt={openAt} />
  if (detail.kind === 'files') return <Files paths={detail.paths} rest={detail.rest} openAt={openAt} />
  if (detail.kind === 'patch') return <Patch files={detail.files} told={detail.told} failed={failed} openAt={openAt} />
  return (
    <div class="tool-text">
      {detail.input && <Block title={words.asked} text={detail.input} />}
      <Block title={failed ? words.reason : words.output} text={detail.output || words.noOutput} />
    </div>
  )
}

function Ran({ command, output }: { command: string; output: string }) {
  return (
    <div class="tool-text">
      <Block title={words.command} text={command} />
      <Block title={words.output} text={output || words.noOutput} />
    </div>
  )
}

/** A piece of output in the terminal's colours, folded in the middle when it is long. */
function Block({ title, text }: { title: string; text: string }) {
  const lines = useMemo(() => terminalLines(text.replace(/\n$/, '')), [text])
  return (
    <>
      <h4>{title}</h4>
      <Folded lines={lines}>
        {(line) => line.map((run) => (run.style ? <span class={run.style}>{run.text}</span> : run.text))}
      </Folded>
    </>
  )
}

const HEAD = 14
const TAIL = 10
const WORTH = 6 // fewer hidden lines than these are shown instead

interface FoldedProps {
  lines: readonly Run[][]
  children: (line: Run[]) => ComponentChildren
}

function Folded({ lines, children }: FoldedProps) {
  const [whole, setWhole] = useState(false)
  const hidden = lines.length - HEAD - TAIL
  const draw = (part: readonly Run[][]) => part.map((line, at) => [at > 0 && '\n', children(line)])
  if (whole || hidden < WORTH) {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard
      <pre tabIndex={0}>{draw(lines)}</pre>
    )
  }
  return (
    <div class="tool-folded">
      <pre>{draw(lines.slice(0, HEAD))}</pre>
      <button type="button" class="quiet" onClick={() => setWhole(true)}>
        {words.folded(hidden)}
      </button>
      <pre>{draw(lines.slice(-TAIL))}</pre>
    </div>
  )
}

interface ReadProps {
  path: string
  lines: readonly string[]
  rest: string
  openAt: OpenAt
}

function Read({ path, lines, rest, openAt }: ReadProps) {
  const first = Number(lines[0]?.split('\t')[0]) || 1
  return (
    <div class="tool-text">
      <button type="button" class="tool-link" onClick={() => openAt(path, first)}>
        {words.openAt(path, first)}
      </button>
      <Folded lines={lines.map((line) => [{ text: line, style: '' }])}>{(line) => line.map(numberedLine)}</Folded>
      {rest && <p class="tool-rest">{rest}</p>}
    </div>
  )
}

function numberedLine({ text }: Run) {
  const at = text.indexOf('\t')
  return (
    <>
      <span class="tool-number">{text.slice(0, at).padStart(4)} </span>
      {text.slice(at + 1)}
    </>
  )
}

const SHOWN = 40 // hits or files at once

function Hits({ hits, rest, openAt }: { hits: readonly Hit[]; rest: string; openAt: OpenAt }) {
  return (
    <Rows rest={rest} count={hits.length}>
      {(most) =>
        [...Map.groupBy(hits.slice(0, most), (hit) => hit.path)].map(([path, found]) => (
          <section key={path}>
            <h4>{path}</h4>
            {found.map((hit) => (
              <button
                key={hit.line}
                type="button"
                class="tool-hit"
                title={words.openAt(hit.path, hit.line)}
                onClick={() => openAt(hit.path, hit.line)}
              >
                <span class="num">{hit.line}</span>
                <code>{hit.text.trim()}</code>
              </button>
            ))}
          </section>
        ))
      }
    </Rows>
  )
}

function Files({ paths, rest, openAt }: { paths: readonly string[]; rest: string; openAt: OpenAt }) {
  return (
    <Rows rest={rest} count={paths.length}>
      {(most) =>
        paths.slice(0, most).map((path) => (
          <button key={path} type="button" class="tool-hit" onClick={() => openAt(path, 1)}>
            <code>{path}</code>
          </button>
        ))
      }
    </Rows>
  )
}

interface RowsProps {
  count: number
  rest: string
  children: (most: number) => ComponentChildren
}

function Rows({ count, rest, children }: RowsProps) {
  const [whole, setWhole] = useState(false)
  const most = whole || count < SHOWN + WORTH ? count : SHOWN
  return (
    <div class="tool-text tool-rows">
      {children(most)}
      {most < count && (
        <button type="button" class="quiet" onClick={() => setWhole(true)}>
          {words.folded(count - most)}
        </button>
      )}
      {rest && <p class="tool-rest">{rest}</p>}
    </div>
  )
}

interface PatchProps {
  files: readonly PatchedFile[]
  told: string
  failed: boolean
  openAt: OpenAt
}

const CLASSES = { '+': 'plus-line', '-': 'minus-line', '@': 'place-line', ' ': '' } as const

function Patch({ files, told, failed, openAt }: PatchProps) {
  return (
    <div class="tool-text">
      {files.map((file) => (
        <section key={file.path} class="tool-patch">
          <h4>
            <button type="button" class="tool-link" onClick={() => openAt(file.path, 1)}>
              {file.path}
            </button>
            <span class="num">
              {file.added > 0 && <span class="plus">{words.plus(file.added)}</span>}{' '}
              {file.removed > 0 && <span class="minus">{words.minus(file.removed)}</span>}
            </span>
          </h4>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard */}
          <pre tabIndex={0}>
            <code>
              {file.lines.map((line) => (
                <span class={CLASSES[line.sign]}>{`${line.sign === '@' ? '⋯' : line.sign} ${line.text}\n`}</span>
              ))}
            </code>
          </pre>
        </section>
      ))}
      {told && <Block title={failed ? words.reason : words.answer} text={told} />}
    </div>
  )
}
