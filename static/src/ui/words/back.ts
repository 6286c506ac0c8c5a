// Words about taking a turn back.
const files = (n: number) => (n === 1 ? '1 file' : `${n} files`)

export const words = {
  undo: 'Undo this turn',
  redo: 'Bring it back',
  undoTitle: 'Take back what this turn wrote, in all its files, for everybody. What people wrote since stays.',
  redoTitle: 'Write again what was taken back. What people wrote since stays.',
  undoWhat: 'What this turn wrote goes, in these files, for everybody. Everything people wrote since stays.',
  redoWhat: 'What was taken back comes again. Everything people wrote since stays.',
  nothing: 'Nothing of it is left in the files, so there is nothing to change.',
  act: (undone: boolean, n: number) => (undone ? `Bring it back in ${files(n)}` : `Undo in ${files(n)}`),
  leave: 'Leave it',
  look: (path: string) => `See what would change in ${path}`,
  compared: (undone: boolean) => (undone ? 'If the turn comes back' : 'Without this turn'),
  now: 'Now',
  after: 'Then',
}
