import { describe, expect, it } from 'vitest'
import type { Me } from '../src/wire'
import { body, type Draft, mayUse, missing, nameOf, suggest } from '../src/workspace/create-form'

const draft = (part: Partial<Draft>): Draft => ({
  way: 'git',
  name: '',
  named: false,
  url: 'https://example.org/team/shop-api.git',
  path: '',
  file: null,
  ...part,
})

describe('the suggested name', () => {
  it.each([
    ['https://example.org/team/shop-api.git', 'shop-api'],
    ['https://example.org/team/shop-api/', 'shop-api'],
    ['git@example.org:team/tool.git', 'tool'],
    ['git@example.org:tool.git', 'tool'],
    ['https://example.org/a/b.git?ref=main#x', 'b'],
    ['https://example.org/team/caf%C3%A9', 'café'],
    ['https://example.org/team/100%', '100%'],
    ['/srv/git/project', 'project'],
    ['project-1.2.tar.gz', 'project-1.2'],
    ['C:\\Users\\ana\\site.ZIP', 'site'],
    ['notes.tgz', 'notes'],
    ['a\u202eb.zip', 'ab'],
    ['', ''],
  ])('of %s is %s', (from, name) => {
    expect(suggest(from)).toBe(name)
  })

  it('gives way to a name a person typed', () => {
    expect(nameOf(draft({}))).toBe('shop-api')
    expect(nameOf(draft({ named: true, name: 'mine' }))).toBe('mine')
  })
})

describe('the form for a new workspace', () => {
  it.each([
    ['a complete URL', draft({}), []],
    ["git's short form, over ssh", draft({ url: 'git@example.org:team/tool.git' }), ['scheme']],
    ['no URL', draft({ url: ' ' }), ['url', 'name']],
    ['a URL that runs a command', draft({ url: 'ext::sh -c id' }), ['scheme']],
    ['a file URL', draft({ url: 'file:///etc/passwd' }), ['scheme']],
    ['a path that is not absolute', draft({ way: 'local', path: 'repo' }), ['path']],
    ['a full path', draft({ way: 'local', path: '/srv/repo' }), []],
    ['no file', draft({ way: 'upload' }), ['file', 'name']],
    ['a file of another kind', draft({ way: 'upload', file: { name: 'a.rar', size: 1 } }), ['type']],
    ['an archive', draft({ way: 'upload', file: { name: 'a.tar.gz', size: 1 } }), []],
    ['the sample', draft({ way: 'sample' }), []],
    ['an empty one without a name', draft({ way: 'empty' }), ['name']],
  ])('with %s', (_what, given, lacks) => {
    expect(missing(given)).toEqual(lacks)
  })

  it('sends only what its way asks for', () => {
    expect(body(draft({ url: ' https://example.org/a.git ' }))).toEqual({
      name: 'a',
      source: 'git',
      origin: 'https://example.org/a.git',
    })
    expect(body(draft({ way: 'empty', named: true, name: ' x ' }))).toEqual({ name: 'x', source: 'empty' })
  })

  it('offers the disk of the server to administrators alone', () => {
    const me = (staff: boolean): Me => ({
      id: 1,
      name: 'Ana',
      colour: 0,
      username: 'ana',
      staff,
      site: '',
      version: '',
    })
    expect(mayUse('local', me(false))).toBe(false)
    expect(mayUse('local', me(true))).toBe(true)
    expect(mayUse('git', me(false))).toBe(true)
  })
})
