// The tabs of a workspace come back after a reload.
import { signal } from '@preact/signals'
import { afterEach, expect, test } from 'vitest'
import type { Documents } from '../src/documents/documents'
import { Refusal } from '../src/net/http'
import { keepTabs, kept } from '../src/workspace/kept-tabs'

afterEach(() => localStorage.clear())

// As much of Documents as tabs need; `there` are the files that can be opened.
function documents(there: string[]) {
  const tabs = signal<{ path: { value: string; peek(): string } }[]>([])
  const active = signal<unknown>(null)
  const open = async (path: string) => {
    if (!there.includes(path)) throw new Refusal({ code: 'not_found', message: 'gone', do: '' })
    const doc = { path: signal(path) }
    tabs.value = [...tabs.value, doc]
    active.value = doc
  }
  const show = (doc: unknown) => {
    active.value = doc
  }
  return { tabs, active, open, show } as unknown as Documents
}
const paths = (docs: Documents) => docs.tabs.value.map((doc) => doc.path.value)

test('a first visit begins with the README, or with nothing', async () => {
  const docs = documents(['README.md'])
  ;(await keepTabs('w', docs))()
  expect(paths(docs)).toEqual(['README.md'])
  const bare = documents([])
  ;(await keepTabs('v', bare))()
  expect(paths(bare)).toEqual([])
  expect(kept('v')).toEqual({ paths: [], active: null })
})

test('what was open comes back in order, the shown one shown, and what is gone is left out', async () => {
  const first = documents(['README.md', 'a.py', 'b.py'])
  const stop = await keepTabs('w', first)
  await first.open('a.py')
  await first.open('b.py')
  first.show(first.tabs.value[1]!)
  stop()
  const again = documents(['a.py', 'b.py'])
  ;(await keepTabs('w', again))()
  expect(paths(again)).toEqual(['a.py', 'b.py'])
  expect(again.active.value?.path.value).toBe('a.py')
})

test('a closed tab stays closed, and a broken note is no tab at all', async () => {
  const docs = documents(['README.md'])
  const stop = await keepTabs('w', docs)
  docs.tabs.value = []
  docs.active.value = null
  stop()
  const again = documents(['README.md'])
  ;(await keepTabs('w', again))()
  expect(paths(again)).toEqual([])
  localStorage.setItem('tandem.tabs.x', '{"paths": 3}')
  expect(kept('x').paths).toEqual(['README.md'])
})
