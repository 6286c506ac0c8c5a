// The pump's own clock: frames where there are some, a timer where there are none.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pump } from '../src/documents/pump'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'cancelAnimationFrame'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('text is flushed with the next frame, once', () => {
  const pump = new Pump()
  let flushes = 0
  pump.wake({ flush: () => void flushes++ })
  vi.advanceTimersByTime(17)
  expect(flushes).toBe(1)
  vi.advanceTimersByTime(1000)
  expect(flushes).toBe(1)
})

test('a tab that gets no frames, even hidden after it asked for one, is flushed by the timer', () => {
  vi.stubGlobal('requestAnimationFrame', () => 0)
  const pump = new Pump()
  const seen: string[] = []
  pump.wake({ flush: () => void seen.push('text') })
  pump.after(() => seen.push('event'))
  vi.advanceTimersByTime(99)
  expect(seen).toEqual([])
  vi.advanceTimersByTime(1)
  expect(seen).toEqual(['text', 'event'])
  vi.unstubAllGlobals()
})

test('a part that fails is reported and the others are told all the same', () => {
  const pump = new Pump(() => {})
  const seen: string[] = []
  const faults: string[] = []
  const listen = (event: ErrorEvent) => {
    event.preventDefault()
    faults.push(event.message)
  }
  addEventListener('error', listen)
  pump.wake({
    flush: () => {
      throw new Error('broken part')
    },
  })
  pump.wake({ flush: () => void seen.push('text') })
  pump.after(() => seen.push('event'))
  pump.flush()
  removeEventListener('error', listen)
  expect(seen).toEqual(['text', 'event'])
  expect(faults.join()).toContain('broken part')
})

test('what arrives while a flush runs waits for the next one', () => {
  const runs: (() => void)[] = []
  const pump = new Pump((run) => runs.push(run))
  const seen: string[] = []
  pump.wake({
    flush: () => {
      seen.push('first')
      pump.wake({ flush: () => void seen.push('second') })
    },
  })
  runs.shift()!()
  expect(seen).toEqual(['first'])
  runs.shift()!()
  expect(seen).toEqual(['first', 'second'])
})
