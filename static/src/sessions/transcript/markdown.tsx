// Markdown of a model as elements. Tokens become elements and text nodes one by one: no HTML string is ever made, so
// markup in an answer is shown as the characters it is. Links are whole http(s) or mailto addresses; images are links.

import type { Token, Tokens } from 'marked'
import { type ComponentChildren, h } from 'preact'
import { useRef } from 'preact/hooks'
import { words as own } from '../../ui/words/library'
import { words } from '../../ui/words/sessions'
import { type Block, type Blocks, blocksOf, decoded, fenceOf, isClosed, safeAddress } from './blocks'
import { CodeBlock } from './code'
import { Link } from './link'
import { still } from './still'

/** What can be done with a code block; absent where blocks are only read. */
export interface BlockActs {
  apply?: { name: string; label: string; why: string; run: (block: number) => Promise<void> } | null
}

interface Props extends BlockActs {
  text: string
  live: boolean // more may come
}

/** The text of one answer. While it grows, only its last block is read and drawn again. */
export const Markdown = still(({ text, live, apply }: Props) => {
  const kept = useRef<Blocks | undefined>(undefined)
  const blocks = blocksOf(text, kept.current)
  kept.current = blocks
  return (
    <div class="prose">
      {blocks.done.map((block, at) => (
        <StillBlock key={at} block={block} live={false} apply={apply} />
      ))}
      {blocks.tail.map((block, at) => (
        <StillBlock key={blocks.done.length + at} block={block} live={live} apply={apply} />
      ))}
    </div>
  )
})

/** One block; drawn again only when it is another one or can be used otherwise. */
const StillBlock = still(({ block, live, apply }: { block: Block; live: boolean } & BlockActs) => (
  <>{draw(block.token, { fence: fenceOf(block), live, apply })}</>
))

interface Pen {
  fence: number // what the host calls this code block, or -1: then it can only be copied
  live: boolean
  apply: BlockActs['apply']
}

function draw(token: Token, pen: Pen): ComponentChildren {
  switch (token.type) {
    case 'paragraph':
      return <p>{inline(token.tokens, pen)}</p>
    case 'heading':
      // The panel's own heading is level 2; an answer's headings come under it.
      return h(`h${Math.min(6, (token as Tokens.Heading).depth + 3)}`, {}, inline(token.tokens, pen))
    case 'code':
      return code(token as Tokens.Code, pen)
    case 'blockquote':
      return <blockquote>{all(token.tokens, pen)}</blockquote>
    case 'list':
      return list(token as Tokens.List, pen)
    case 'table':
      return table(token as Tokens.Table, pen)
    case 'hr':
      return <hr />
    case 'space':
    case 'def':
      return null
    default:
      return span(token, pen)
  }
}

/** Blocks inside another one. */
function all(tokens: Token[] | undefined, pen: Pen): ComponentChildren[] {
  return (tokens ?? []).map((token) => draw(token, { ...pen, fence: -1 }))
}

function code(token: Tokens.Code, { live, fence, apply }: Pen): ComponentChildren {
  const closed = isClosed(token) || !live
  return <CodeBlock text={token.text} lang={token.lang ?? ''} closed={closed} block={fence} apply={apply} />
}

function list(token: Tokens.List, pen: Pen): ComponentChildren {
  const items = token.items.map((item, at) => (
    <li key={at} class={item.task ? 'task' : undefined}>
      {all(item.tokens, pen)}
    </li>
  ))
  return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>
}

function table(token: Tokens.Table, pen: Pen): ComponentChildren {
  const cell = (tag: 'td' | 'th') => (one: Tokens.TableCell, at: number) =>
    h(tag, { key: at, style: one.align ? { textAlign: one.align } : {} }, inline(one.tokens, pen))
  return (
    <div class="prose-table">
      <table>
        <thead>
          <tr>{token.header.map(cell('th'))}</tr>
        </thead>
        <tbody>
          {token.rows.map((row, at) => (
            <tr key={at}>{row.map(cell('td'))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function inline(tokens: Token[] | undefined, pen: Pen): ComponentChildren[] {
  return (tokens ?? []).map((token) => span(token, pen))
}

function span(token: Token, pen: Pen): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens, pen)}</strong>
    case 'em':
      return <em>{inline(token.tokens, pen)}</em>
    case 'del':
      return <del>{inline(token.tokens, pen)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'escape':
      return token.text
    case 'checkbox':
      return <input type="checkbox" checked={token.checked} disabled aria-label={own.task(token.checked)} />
    case 'link':
      return link((token as Tokens.Link).href, inline(token.tokens, pen), token.raw)
    case 'image':
      return link((token as Tokens.Image).href, words.image(decoded(token.text)), token.raw, words.imageTitle)
    case 'text':
      return text(token as Tokens.Text, pen)
    default:
      return token.raw // markup and whatever else: as it was written
  }
}

function text(token: Tokens.Text, pen: Pen): ComponentChildren {
  if (token.tokens) return inline(token.tokens, pen)
  return token.escaped ? token.raw : decoded(token.text)
}

function link(href: string, label: ComponentChildren, raw: string, title = href): ComponentChildren {
  const address = safeAddress(href)
  if (!address) return raw
  return (
    <Link address={address} title={title}>
      {label}
    </Link>
  )
}
