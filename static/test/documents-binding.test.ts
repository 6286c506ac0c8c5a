// The binding and the pump, with real Y.Docs: whatever happens in whatever order, all texts end equal.
import { EditorState } from '@codemirror/state'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { Binding, remote } from '../src/documents/binding'
import { Pump } from '../src/documents/pump'

// A document as OpenDocument holds it, without network or view.
class Site {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('text')
  state = EditorState.create({ extensions: EditorState.lineSeparator.of('\n') })
  readonly binding = new Binding(this.text, () => {})

  replace(at: number, length: number, insert: string) {
    const from = this.whole(at % (this.state.doc.length + 1))
    const to = this.whole(Math.min(from + length, this.state.doc.length))
    const transaction = this.state.update({ changes: { from, to, insert } })
    this.state = transaction.state
    this.binding.write(transaction)
  }

  // The editor's own commands never cut a character outside the basic plane in two.
  private whole(at: number) {
    const after = this.state.sliceDoc(at, at + 1)
    return /[\udc00-\udfff]/.test(after) ? at + 1 : at
  }

  flush() {
    const changes = this.binding.take()
    if (changes) this.state = this.state.update({ changes, annotations: remote.of(true) }).state
  }

  receive(from: Site) {
    Y.applyUpdate(this.doc, Y.encodeStateAsUpdate(from.doc, Y.encodeStateVector(this.doc)), 'wire')
  }
}

const site = fc.nat({ max: 2 })
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      site,
      at: fc.nat({ max: 60 }),
      length: fc.nat({ max: 5 }),
      insert: fc.constantFrom('', 'a', 'bc', '\n', 'x\ny', '😀', 'def '),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), site, to: site }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), site }) },
)

test('three people type in any order and every editor, every Y.Text and every peer end equal', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const sites = [new Site(), new Site(), new Site()]
      for (const step of acts) {
        const here = sites[step.site]!
        if (step.kind === 'edit') here.replace(step.at, step.length, step.insert)
        else if (step.kind === 'send') sites[step.to]!.receive(here)
        else here.flush()
      }
      for (const here of sites) for (const other of sites) here.receive(other)
      for (const here of sites) here.flush()
      const texts = sites.flatMap((here) => [here.state.doc.toString(), here.text.toString()])
      expect(new Set(texts).size).toBe(1)
    }),
    { numRuns: 300 },
  )
})

test('a local edit made while remote text waits lands in Y where the person saw it', () => {
  const [ana, ben] = [new Site(), new Site()]
  ana.replace(0, 0, 'one three')
  ben.receive(ana)
  ben.flush()
  ana.replace(0, 0, '>> ')
  ben.receive(ana)
  ben.replace(4, 0, 'two ')
  expect(ben.text.toString()).toBe('>> one two three')
  ben.flush()
  expect(ben.state.doc.toString()).toBe('>> one two three')
})

test('positions of the editor and of Y translate into each other while remote text waits', () => {
  const [ana, ben] = [new Site(), new Site()]
  ana.replace(0, 0, 'abc')
  ben.receive(ana)
  ben.flush()
  ana.replace(0, 0, '1234')
  ben.receive(ana)
  expect(ben.binding.toY(2)).toBe(6)
  expect(ben.binding.fromY(6)).toBe(2)
})

function pumped() {
  let run: (() => void) | null = null
  const pump = new Pump((next) => {
    run = next
  })
  return { pump, frame: () => run?.() }
}

test('an event is delivered after the text that arrived before it', () => {
  const { pump, frame } = pumped()
  const seen: string[] = []
  pump.wake({ flush: () => void seen.push('text') })
  pump.after(() => seen.push('event'))
  expect(seen).toEqual([])
  frame()
  expect(seen).toEqual(['text', 'event'])
})

test('a document woken many times is flushed once a frame', () => {
  const { pump, frame } = pumped()
  let flushes = 0
  const document = { flush: () => void flushes++ }
  for (let n = 0; n < 50; n++) pump.wake(document)
  frame()
  expect(flushes).toBe(1)
})

test('events keep their order and one with nothing before it does not wait', () => {
  const { pump, frame } = pumped()
  const seen: number[] = []
  pump.after(() => seen.push(1))
  expect(seen).toEqual([1])
  pump.wake({ flush: () => {} })
  pump.after(() => seen.push(2))
  pump.after(() => seen.push(3))
  frame()
  expect(seen).toEqual([1, 2, 3])
})
