import { afterEach, expect, test } from 'vitest'
import { listenToKeys, registerCommand, spell } from '../src/workspace/commands'

let ran = ''
let allowed = true
registerCommand({ id: 'keys.mod', title: 'Mod', key: 'Mod-y', run: () => (ran += 'm') })
registerCommand({ id: 'keys.f7', title: 'F7', key: 'F7', run: () => (ran += 'f') })
registerCommand({ id: 'keys.if', title: 'If', key: 'Alt-9', when: () => allowed, run: () => (ran += 'i') })
registerCommand({ id: 'keys.else', title: 'Else', key: 'Alt-9', when: () => !allowed, run: () => (ran += 'e') })
const stop = listenToKeys(window)

afterEach(() => {
  ran = ''
  allowed = true
  document.body.replaceChildren()
})

function press(on: EventTarget, init: KeyboardEventInit) {
  const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init })
  on.dispatchEvent(event)
  return event.defaultPrevented
}
const MOD_Y = { key: 'y', code: 'KeyY', ctrlKey: true }
const F7 = { key: 'F7', code: 'F7' }

function add(html: string) {
  document.body.innerHTML = html
  return document.body.firstElementChild!
}

test('keys are spelled for the library by their place on the keyboard', () => {
  expect(spell('Mod-Shift-p')).toBe('$mod+Shift+KeyP')
  expect(spell('Alt-1')).toBe('Alt+Digit1')
  expect(spell('Alt-]')).toBe('Alt+BracketRight')
  expect(spell('F1')).toBe('F1')
})

test('a key works while one writes in a field or in the editor', () => {
  expect(press(add('<textarea></textarea>'), MOD_Y)).toBe(true)
  expect(press(add('<div contenteditable="true"></div>'), F7)).toBe(true)
  expect(ran).toBe('mf')
})

test('keys of an input method are its own', () => {
  expect(press(add('<input>'), { ...MOD_Y, isComposing: true })).toBe(false)
  expect(ran).toBe('')
})

test('under an open dialog nothing runs, nor does the browser take a command of ours', () => {
  add('<dialog open><input></dialog>')
  const input = document.querySelector('input')!
  expect(press(input, MOD_Y)).toBe(true)
  expect(press(input, F7)).toBe(false)
  expect(ran).toBe('')
})

test('of two commands with one key the one whose time it is runs', () => {
  const key = { key: '9', code: 'Digit9', altKey: true }
  press(window, key)
  allowed = false
  press(window, key)
  expect(ran).toBe('ie')
})

test('a command that is registered later has its key too', () => {
  expect(press(window, { key: 'F9', code: 'F9' })).toBe(false)
  registerCommand({ id: 'keys.later', title: 'Later', key: 'F9', run: () => (ran += 'l') })
  expect(press(window, { key: 'F9', code: 'F9' })).toBe(true)
  expect(ran).toBe('l')
})

test('after listening has ended no key runs anything', () => {
  stop()
  press(window, F7)
  expect(ran).toBe('')
})
