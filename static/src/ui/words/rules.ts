// Words about how models work in a workspace.
export const words = {
  title: 'How models work here',
  wait: { no: 'Apply, then review', yes: 'Wait for acceptance' },
  waitMeans: {
    no: 'Edits appear in the files as they are written. You accept or reject them afterwards.',
    yes: 'Edits are shown beside the text, and are in no file before somebody accepts them.',
  },
  ghost: 'Suggestions at the cursor',
  compact: 'Sum up earlier turns when the window is full to',
  mayNot: 'Owners and maintainers change this. It holds for turns that begin afterwards.',
}
