// A code block of an answer: its language, copy, and apply where the host can put it into a file.
import { LanguageDescription } from '@codemirror/language'
import { languages } from '@codemirror/language-data'
import { highlightCode, tagHighlighter, tags } from '@lezer/highlight'
import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/sessions'
import type { BlockActs } from './markdown'

interface Props extends BlockActs {
  text: string
  lang: string
  closed: boolean // the closing fence is there: only then is it highlighted and can be applied
  block: number // the how-manieth fenced block of the message; -1: not a fenced one, cannot be applied
}

export type Piece = { text: string; kind: string }

const KINDS = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: 'k' },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.typeName, tags.className],
    class: 'f',
  },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], class: 's' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: 'n' },
  { tag: tags.comment, class: 'c' },
])
const LARGEST = 50_000 // characters; above, code is shown without colours

/** The code in coloured pieces, or null if the language is not known. */
export async function coloured(text: string, lang: string): Promise<Piece[] | null> {
  const found = lang && text.length <= LARGEST ? LanguageDescription.matchLanguageName(languages, lang, true) : null
  if (!found) return null
  const support = await found.load()
  const pieces: Piece[] = []
  highlightCode(
    text,
    support.language.parser.parse(text),
    KINDS,
    (piece, kind) => pieces.push({ text: piece, kind }),
    () => pieces.push({ text: '\n', kind: '' }),
  )
  return pieces
}

export function CodeBlock({ text, lang, closed, block, apply }: Props) {
  const name = lang.split(/\s/)[0] ?? ''
  return (
    <figure class="code">
      <figcaption>
        <span>{name || words.code}</span>
        <Copy text={text} />
        {apply && block >= 0 && <Apply apply={apply} block={block} closed={closed} />}
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it must be reachable by keyboard */}
      <pre tabIndex={0}>
        <Colours text={text} lang={name} closed={closed} />
      </pre>
    </figure>
  )
}

function Colours({ text, lang, closed }: { text: string; lang: string; closed: boolean }) {
  const [pieces, setPieces] = useState<{ text: string; list: Piece[] } | null>(null)
  const box = useRef<HTMLElement>(null)
  const near = useNear(box)
  useEffect(() => {
    let here = true
    if (closed && near) coloured(text, lang).then((list) => here && list && setPieces({ text, list }), ignore)
    return () => {
      here = false
    }
  }, [text, lang, closed, near])
  if (pieces?.text !== text) return <code ref={box}>{text}</code>
  return (
    <code ref={box}>
      {pieces.list.map((piece) => (piece.kind ? <span class={`tok-${piece.kind}`}>{piece.text}</span> : piece.text))}
    </code>
  )
}

/** Whether it has been near the screen: a long transcript colours only what somebody scrolls to. */
function useNear(box: RefObject<HTMLElement | null>): boolean {
  const [near, setNear] = useState(typeof IntersectionObserver === 'undefined')
  useEffect(() => {
    if (near || !box.current) return
    const watch = new IntersectionObserver(([seen]) => seen?.isIntersecting && setNear(true), {
      rootMargin: '400px 0px',
    })
    watch.observe(box.current)
    return () => watch.disconnect()
  }, [near])
  return near
}

/** A grammar that cannot be loaded (offline) leaves the code plain, as it stands. */
function ignore(): void {}

function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const run = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setCopied(false), 1500)
  }
  return (
    <button type="button" class="quiet tiny" onClick={run}>
      <Icon name={copied ? 'check' : 'copy'} size={12} /> {copied ? words.copied : words.copy}
    </button>
  )
}

function Apply({ apply, block, closed }: { apply: NonNullable<BlockActs['apply']>; block: number; closed: boolean }) {
  const [busy, setBusy] = useState(false)
  const why = closed ? apply.why : words.applyPartial
  const run = async () => {
    setBusy(true)
    await apply.run(block).finally(() => setBusy(false))
  }
  return (
    <button type="button" class="quiet tiny act" disabled={busy || why !== ''} title={why || apply.label} onClick={run}>
      {apply.name}
    </button>
  )
}
