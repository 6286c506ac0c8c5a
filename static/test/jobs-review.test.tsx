import { signal } from '@preact/signals'
import { cleanup, render, screen } from '@testing-library/preact'
import { afterEach, describe, expect, it } from 'vitest'
import type { Choice } from '../src/jobs/review/chosen'
import { File } from '../src/jobs/review/file'
import type { ReviewFile, ReviewHunk } from '../src/wire'

const hunk = (at: number, state: ReviewHunk['state']): ReviewHunk => ({
  id: `${at}`,
  base: [at, at + 1],
  proposed: [at, at + 1],
  current: [at, at + 1],
  state,
})

function shown(part: Partial<ReviewFile>) {
  const file: ReviewFile = {
    path: 'docs/of/this/a.py',
    status: 'changed',
    base: '',
    proposed: '',
    current: '',
    merged: '',
    conflict: false,
    flags: [],
    text: true,
    hunks: [],
    ...part,
  }
  const choice = signal<Choice>({ chosen: new Set([file.path]), left: new Map() })
  render(
    <File
      file={file}
      layout="unified"
      against="base"
      deciding
      commenting={false}
      choice={choice}
      confirmed={signal<ReadonlySet<string>>(new Set())}
      remarks={signal([])}
    />,
  )
}

afterEach(cleanup)

describe('a file of a review', () => {
  it.each<[string, Partial<ReviewFile>, string]>([
    ['that is no text', { status: 'added', text: false, flags: ['binary'] }, 'not text and are not shown'],
    ['that is new and empty', { status: 'added' }, 'The file is empty.'],
    ['with the same text', { base: 'a\n', proposed: 'a\n' }, 'No difference in the text'],
  ])('%s says why nothing is shown', (_what, part, text) => {
    shown(part)
    expect(screen.getByText(new RegExp(text))).toBeTruthy()
  })

  it('explains what became of each change', () => {
    shown({ hunks: [hunk(0, 'applies'), hunk(4, 'stale'), hunk(8, 'there')] })
    const why = (name: RegExp) => screen.getByRole('button', { name }).title
    expect(why(/line 1 applies/)).toMatch(/^Nobody has changed these lines/)
    expect(why(/line 5 needs rebase/)).toMatch(/^People have changed the same lines/)
    expect(why(/line 9 in your text/)).toMatch(/^Your text has this change already/)
  })

  it('keeps the whole path for who reads it or points at it', () => {
    shown({ status: 'added' })
    const heading = screen.getByRole('heading', { name: /^docs\/of\/this\/a\.py/ })
    expect(heading.querySelector('[title]')?.getAttribute('title')).toBe('docs/of/this/a.py')
  })
})
