// Words about a whole turn: deciding on it, taking it back, going back to before it.
const files = (n: number) => (n === 1 ? '1 file' : `${n} files`)

export const words = {
  name: {
    undo: 'Undo this turn',
    redo: 'Bring it back',
    restore: 'Go back to before it',
    unrestore: 'Take going back back',
  },
  title: {
    undo: 'Take back what this turn wrote, in all its files, for everybody. What people wrote since stays.',
    redo: 'Write again what was taken back. What people wrote since stays.',
    restore: 'Bring every file that this turn and later ones wrote in back to its text before this turn.',
    unrestore: 'Bring the files to where they were before somebody went back. What was written since stays.',
  },
  what: {
    undo: 'What this turn wrote goes, in these files, for everybody. Everything people wrote since stays.',
    redo: 'What was taken back comes again. Everything people wrote since stays.',
    restore:
      'These files go back to how they were before this turn, for everybody. What later turns and people wrote in them since goes too. It can be taken back.',
    unrestore: '',
  },
  compared: {
    undo: 'Without this turn',
    redo: 'If the turn comes back',
    restore: 'Before this turn',
    unrestore: '',
  },
  act: (way: 'undo' | 'redo' | 'restore' | 'unrestore', n: number) =>
    ({ undo: 'Undo in ', redo: 'Bring it back in ', restore: 'Go back in ', unrestore: 'Bring back ' })[way] + files(n),
  nothing: 'Nothing of it is left in the files, so there is nothing to change.',
  leave: 'Leave it',
  look: (path: string) => `See what would change in ${path}`,
  now: 'Now',
  after: 'Then',
  becomes: (act: 'removed' | 'made' | 'moved', to: string) =>
    ({ removed: 'the file is removed', made: 'the file comes back', moved: `moves to ${to}` })[act],
  undecided: 'Undecided changes of this turn',
  open: (n: number, waits: boolean) => `${files(n)} ${waits ? 'proposed' : 'to decide'}`,
  acceptAll: 'Accept the turn',
  rejectAll: 'Reject it',
  acceptOf: (path: string) => `Accept for ${path}`,
  rejectOf: (path: string) => `Reject for ${path}`,
  would: {
    create: () => 'new file',
    delete: () => 'delete',
    move: (to: string) => `move to ${to}`,
  },
}
