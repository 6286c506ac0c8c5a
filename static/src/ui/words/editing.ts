// Every string a person reads about what models do in the editor: suggestions, next edits, quick actions, messages.
const number = (n: number) => Math.round(n).toLocaleString('en')
const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`

export const ghost = {
  hint: 'Tab',
  turnOff: 'Suggestions at the cursor: turn off',
  turnOn: 'Suggestions at the cursor: turn on',
  turnOnSlow: (ms: number) => `Suggestions at the cursor: turn on although they take ${number(ms)} ms`,
  none: 'Suggestions at the cursor: why there are none',
  noneWhy: (why: string) => `There are no suggestions at the cursor. ${why}`,
  isOff: 'Suggestions at the cursor are off for you, in this browser.',
  isOn: 'Suggestions at the cursor are on for you, in this browser.',
  isOnSlow: 'Suggestions at the cursor are on for you, however long they take.',
  askNow: 'Suggest what comes at the cursor',
  nothing: 'Nothing to suggest here.',
  read: 'Read the suggestion aloud',
  said: (text: string) => `Suggestion: ${text}`,
  slow: 'Suggestions off: slow',
  slowWhy: (ms: number) =>
    `Half of the newest suggestions took ${number(ms)} ms or more, so they are off. Select to turn them on all the same.`,
  failed: 'Suggestions failed',
  failedWhy: (why: string) => `${why} They are asked for again in a minute, or now if you select this.`,
}

export const next = {
  label: 'Same change',
  change: (old: string, now: string) => `${old} → ${now || '(nothing)'}`,
  where: (line: number, left: number) => `line ${number(line)}${left > 1 ? `, ${number(left)} left` : ''}`,
  said: (old: string, now: string, line: number) =>
    `The same change is likely in line ${number(line)}: ${old} to ${now}. Tab makes it, Escape does not.`,
  key: 'Tab',
  title: 'Made by a rule, not by a model: the name was changed where it is made, or the same change was made twice.',
}

export const quick = {
  menu: 'Actions on this code',
  open: 'Show actions on this code',
  explain: 'Explain',
  fix: 'Fix this problem',
  tests: 'Write tests',
  document: 'Document',
  edit: 'Edit with the model…',
  comment: 'Comment…',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  pasteKey: (key: string) => `The browser does not let pages paste. Press ${key}.`,
  copyFailed: 'The browser did not let this page use the clipboard.',
  inSession: 'in the session',
  noProblem: 'There is no problem in these lines.',
  bulb: 'Fix',
  bulbTitle: (line: number) => `Syntax problem in line ${number(line)}: have the model fix it`,
  commands: {
    explain: 'Explain this code',
    fix: 'Fix the problem in this code',
    tests: 'Write tests for this code',
    document: 'Document this code',
  },
  began: { explain: 'Explaining', fix: 'Fixing the problem', tests: 'Writing tests', document: 'Documenting' },
}

export const commit = {
  write: 'Write the message',
  writeTitle:
    'Have the model write a message from the changes you chose. It is sent these changes and the last messages.',
  stop: 'Stop',
  writing: 'The model is writing the message…',
  cut: (files: number) =>
    `The changes were too long to be read whole: the message was written from the beginning of each of ${plural(files, 'file')}.`,
  nothing: 'The model wrote nothing. Try again, or write it yourself.',
}
