import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { terminalLines } from '../src/sessions/transcript/ansi'
import { detailOf, outcomeOf, patchOf, reasonOf, type ToolData, titleOf } from '../src/sessions/transcript/tool'

const tool = (more: Partial<ToolData>): ToolData => ({
  name: 'read_file',
  input: '',
  output: '',
  ok: true,
  seconds: 0.1,
  ...more,
})

describe('what a command printed', () => {
  const plain = (text: string) => terminalLines(text).map((line) => line.map((run) => run.text).join(''))

  test('colours and weight become names of styles, over line ends too', () => {
    expect(terminalLines('a\x1b[1;31mb\nc\x1b[0md\x1b[92me\x1b[39m')).toEqual([
      [
        { text: 'a', style: '' },
        { text: 'b', style: 'ansi-1 ansi-bold' },
      ],
      [
        { text: 'c', style: 'ansi-1 ansi-bold' },
        { text: 'd', style: '' },
        { text: 'e', style: 'ansi-10' },
      ],
    ])
  })

  test('colours of the large palettes are left out, what follows them is not', () => {
    expect(terminalLines('\x1b[38;5;200;1mx\x1b[38;2;1;2;3my\x1b[38;5;3mz')).toEqual([
      [
        { text: 'xy', style: 'ansi-bold' },
        { text: 'z', style: 'ansi-3 ansi-bold' },
      ],
    ])
  })

  test('a line written over shows what was written last', () => {
    expect(plain('10%\r50%\r100%\r\ndone')).toEqual(['100%', 'done'])
  })

  test('titles, links, moves and other control characters leave no trace', () => {
    const noise =
      '\x1b]0;title\x07a\x1b]8;;https://example.org\x1b\\b\x1b]8;;\x1b\\\x1b[2J\x1b[3;4Hc\x07\x08\x00\x1bPq\x1b\\d'
    expect(plain(noise)).toEqual(['abcd'])
  })

  test('markup is text, and no escape character is ever left', () => {
    expect(plain('<img src=x onerror=alert(1)>')).toEqual(['<img src=x onerror=alert(1)>'])
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\x1b', '[', ']', '3', '1', ';', 'm', 'P', '\\', '\x07', 'a', '\n')),
        (all) => {
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
          expect(plain(all.join('')).join('')).not.toMatch(/[\x00-\x08\x1b\x7f]/)
        },
      ),
    )
  })
})

describe('the card of a tool', () => {
  test('a read names its lines, and its lines are apart from what is told behind them', () => {
    const data = tool({
      path: 'a.py',
      output: '3\tx = 1\n4\t\n(2 more lines; read on from 5)',
      result: { first: 3, last: 4 },
    })
    expect(titleOf(data)).toEqual({ verb: 'Read', about: 'a.py:3–4' })
    expect(detailOf(data)).toEqual({
      kind: 'read',
      path: 'a.py',
      lines: ['3\tx = 1', '4\t'],
      rest: '(2 more lines; read on from 5)',
    })
  })

  test('hits of a search can be opened', () => {
    const data = tool({
      name: 'search',
      input: 'def',
      output: 'b c.py:7: def x: 1:\na.py:1: def',
      result: { count: 2 },
    })
    expect(detailOf(data)).toMatchObject({
      hits: [
        { path: 'b c.py', line: 7, text: 'def x: 1:' },
        { path: 'a.py', line: 1, text: 'def' },
      ],
    })
    expect(outcomeOf(data)).toBe('2 hits')
    expect(outcomeOf({ ...data, result: { count: 0 } })).toBe('nothing found')
  })

  test('a command tells its exit code, and without being opened the last thing it said', () => {
    const data = tool({
      name: 'run_command',
      input: 'make',
      output: '(exit code 2, 1.5 s)\nfine\nError: no rule\n\n',
      ok: false,
      result: { code: 2 },
    })
    expect(outcomeOf(data)).toBe('exit 2')
    expect(reasonOf(data)).toBe('Error: no rule')
    expect(detailOf(data)).toEqual({ kind: 'command', command: 'make', output: 'fine\nError: no rule\n\n' })
    expect(outcomeOf({ ...data, result: { code: null } })).toBe('stopped')
  })

  test('a patch is a diff for each file', () => {
    const patch = [
      ...[
        '*** Begin Patch',
        '*** Update File: a.py',
        '*** Move to: b.py',
        '@@ def one',
        ' keep',
        '-old',
        '+new',
        '+more',
      ],
      ...['*** Add File: c.py', '+x', '*** Delete File: d.py', '*** End Patch'],
    ].join('\n')
    expect(patchOf(patch).map(({ verb, path, added, removed }) => [verb, path, added, removed])).toEqual([
      ['Move', 'a.py', 2, 1],
      ['Add', 'c.py', 1, 0],
      ['Delete', 'd.py', 0, 0],
    ])
    expect(
      patchOf(patch)[0]
        ?.lines.map((line) => line.sign)
        .join(''),
    ).toBe('@@ -++')
  })

  test('a failed tool shows what was asked and why, a tool nobody knows its text', () => {
    const failed = tool({ path: 'a.py', input: 'a.py', output: 'a.py cannot be read.', ok: false })
    expect(detailOf(failed)).toEqual({ kind: 'plain', input: 'a.py', output: 'a.py cannot be read.' })
    expect(reasonOf(failed)).toBe('a.py cannot be read.')
    expect(titleOf(tool({ name: 'look_up-words', input: 'x\ny' }))).toEqual({ verb: 'Look up words', about: 'x' })
  })
})
