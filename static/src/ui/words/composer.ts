// Every string a person reads in the composer: mentions, pictures, the choice of a model.
const number = (n: number) => n.toLocaleString('en')
const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`
/** 8k, 128k, 1M: sizes of windows. */
const window = (n: number) => (n < 1e6 ? `${Math.round(n / 1000)}k` : `${+(n / 1e6).toFixed(1)}M`)

export const words = {
  // --- mentions ---
  mention: 'Mention files, symbols, changes and more',
  groups: {
    here: 'Here',
    files: 'Files',
    folders: 'Folders',
    symbols: 'Symbols',
    jobs: 'Jobs',
    turns: 'Earlier turns',
  },
  selection: 'Selection',
  changes: 'Changes',
  commands: 'Last commands',
  problems: 'Problems',
  openFile: 'open file',
  tab: 'tab',
  folder: 'folder',
  changedFiles: (n: number) => `${plural(n, 'file')} not committed`,
  ranCommands: (n: number) => `output of ${n === 1 ? 'the newest one' : `the newest ${number(n)}`} run by turns`,
  syntaxProblems: (n: number) => `${plural(n, 'syntax error')} in open files`,
  lines: (from: number, to: number) =>
    from === to ? `line ${number(from)}` : `lines ${number(from)} to ${number(to)}`,
  line: (n: number) => `line ${number(n)}`,
  jobState: (state: string) => (state === 'review' ? 'ready for review' : state),
  job: (name: string) => `Job: ${name}`,
  turn: (name: string) => `Turn: ${name}`,
  more: 'Type to find files, folders and symbols.',
  none: (query: string) => `Nothing here is called “${query}”.`,
  found: (n: number) => (n ? `${plural(n, 'suggestion')}, arrow keys to choose` : 'No suggestions'),
  keys: 'to choose',
  close: 'to close',
  selectionGone: 'The selected text was deleted meanwhile.',
  mentioned: 'Mentioned',
  remove: (label: string) => `Remove ${label}`,
  open: (label: string) => `Open ${label}`,
  drop: 'Drop to mention it, or to add a picture',

  // --- pictures ---
  addPicture: 'Add a picture',
  pictures: 'Pictures',
  picture: (n: number) => `Picture ${number(n)}`,
  size: (width: number, height: number) => `${number(width)} × ${number(height)} px`,
  uploading: (name: string, share: number) => `${name}, ${Math.round(share * 100)}% sent`,
  pictureGone: 'This picture is not there any more.',
  notAPicture: (name: string) =>
    `${name} is not a picture that models read. Add PNG, JPEG, WebP or GIF; for other files, put them into the workspace and mention them with @.`,
  damaged: (name: string) => `${name} cannot be read as a picture. Save it again, or take another one.`,
  tooLarge: (name: string, mib: number) =>
    `${name} is larger than ${number(mib)} MiB even when made smaller. Cut out the part that matters.`,
  tooMany: (most: number) =>
    `A message takes ${number(most)} pictures at most. Remove one, or send the rest with the next message.`,
  textOnly: (model: string) =>
    `${model} reads text only, so the picture was not added. Choose a model that sees pictures.`,
  blind: (model: string) => `${model} reads text only. Choose a model that sees pictures, or remove them.`,
  takeModel: (name: string) => `Use ${name}`,
  dismiss: 'Dismiss',
  steerAlone: 'A steer takes the text alone. Alt+Enter queues it with what is mentioned and shown.',
  waitPicture: 'A picture is still being sent.',
  larger: (n: number) => `Show picture ${number(n)} large`,
  closePicture: 'Close the picture',

  // --- the choice of a model ---
  model: (name: string) => `Model to ask: ${name}`,
  isDefault: 'default',
  chosenBefore: 'default for turns here',
  tools: 'tools',
  noTools: 'no tools',
  sees: 'pictures',
  textAlone: 'text only',
  window,
  windowOf: (n: number) => `${window(n)} tokens`,
  price: (input: number, output: number) => `$${input.toFixed(2)} in, $${output.toFixed(2)} out per million`,
  problem: (text: string) => `last time: ${text}`,
}
