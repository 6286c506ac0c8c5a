import { expect, test } from 'vitest'
import type { TreeEntry } from '../src/wire'
import { keyText, listCommands, listenToKeys, registerCommand, runCommand } from '../src/workspace/commands'
import { parse } from '../src/workspace/route'
import { build, rows, shownName } from '../src/workspace/tree-model'

const file = (path: string): TreeEntry => ({ path, kind: 'file', size: 1, problem: '' })
const folder = (path: string): TreeEntry => ({ path, kind: 'folder', size: 0, problem: '' })

test('folders come first and numbers in names count as numbers', () => {
  const roots = build([file('b10.py'), file('b2.py'), folder('zoo'), file('zoo/a.py')])
  expect(roots.map((n) => n.name)).toEqual(['zoo', 'b2.py', 'b10.py'])
})

test('a file whose folder was not listed still has its folders', () => {
  const [root] = build([file('a/b/c.py')])
  expect(root).toMatchObject({
    path: 'a',
    kind: 'folder',
    children: [{ path: 'a/b', children: [{ path: 'a/b/c.py' }] }],
  })
})

test('only the inside of open folders is shown', () => {
  const roots = build([file('a/b/c.py'), file('d.py')])
  expect(rows(roots, new Set()).map((r) => r.node.path)).toEqual(['a', 'd.py'])
  expect(rows(roots, new Set(['a'])).map((r) => [r.node.path, r.depth])).toEqual([
    ['a', 0],
    ['a/b', 1],
    ['d.py', 0],
  ])
})

test('a name that hides direction marks or newlines is shown with their code points', () => {
  expect(shownName('a\u202egpj.exe')).toBe('a‹202e›gpj.exe')
  expect(shownName('two\nlines')).toBe('two‹000a›lines')
  expect(shownName('naïve 😀.py')).toBe('naïve 😀.py')
})

test('a command whose condition does not hold is neither listed nor run', () => {
  let ran = 0
  let allowed = false
  registerCommand({ id: 'test.act', title: 'Act', when: () => allowed, run: () => void ran++ })
  runCommand('test.act')
  expect(listCommands().some((c) => c.id === 'test.act')).toBe(false)
  allowed = true
  runCommand('test.act')
  expect(ran).toBe(1)
  expect(listCommands().some((c) => c.id === 'test.act')).toBe(true)
})

test('a key runs its command once, keeps the browser from its own, and yields to who handled it before', () => {
  let ran = 0
  registerCommand({ id: 'test.key', title: 'Key', key: 'Alt-Shift-q', run: () => void ran++ })
  const stop = listenToKeys(window)
  const press = () =>
    new KeyboardEvent('keydown', {
      key: 'Q',
      code: 'KeyQ',
      altKey: true,
      shiftKey: true,
      bubbles: true,
      cancelable: true,
    })
  const first = press()
  window.dispatchEvent(first)
  expect([ran, first.defaultPrevented]).toEqual([1, true])
  const handled = press()
  handled.preventDefault()
  window.dispatchEvent(handled)
  expect(ran).toBe(1)
  stop()
})

test('keys are written as people read them', () => {
  expect(keyText('Mod-Shift-p')).toBe('Ctrl Shift P')
})

test('an address names its screen', () => {
  expect(parse('/')).toEqual({ screen: 'home' })
  expect(parse('/w/ab12')).toEqual({ screen: 'workspace', id: 'ab12', review: null })
  expect(parse('/w/ab12/review/j9')).toEqual({ screen: 'workspace', id: 'ab12', review: 'j9' })
  expect(parse('/w/ab12/jobs')).toEqual({ screen: 'workspace', id: 'ab12', review: null, jobs: 'board' })
  expect(parse('/w/ab12/jobs/j9')).toEqual({ screen: 'workspace', id: 'ab12', review: null, jobs: 'j9' })
})
