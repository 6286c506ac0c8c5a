// What people read about a model's window: the meter, what fills it, pins, summaries of earlier turns.
import type { Compaction, ContextKind } from '../../wire'

const number = (n: number) => n.toLocaleString('en')

export const words = {
  title: 'Context',
  meter: (said: string, percent: number) => `${said}: ${percent} % of the window. What is in it`,
  percent: (percent: number) => (percent < 1 ? '< 1 %' : `${percent} %`),
  about: (window: number, reply: number) =>
    `What the next turn would send: about ${number(window)} tokens fit, ${number(reply)} of them are kept for the answer.`,
  bar: 'What fills the window',
  kinds: {
    instructions: 'Tandem’s instructions',
    tools: 'Tools',
    agents_file: 'Instruction file',
    pins: 'Pinned',
    map: 'Repository map',
    open_files: 'Open files',
    recent_edits: 'Recent edits',
    git: 'Git',
    history: 'Earlier turns',
    compaction: 'Summary of earlier turns',
    mentions: 'Mentioned',
    message: 'Message',
  } satisfies Record<ContextKind, string>,
  columnPart: 'Part',
  columnTokens: 'Tokens',
  columnShare: 'Share',
  tokens: (n: number) => number(n),
  free: 'Free',
  answer: 'Kept for the answer',
  shown: 'Shown as text to the model, never carried out.',
  lean: 'This small model gets only what is said, mentioned and pinned: more would confuse it.',
  pins: 'Pinned',
  pinsAbout: 'In every turn of this session, word for word, also after a summary.',
  noPins: 'Nothing is pinned.',
  pinsLater: 'Things can be pinned once the session has begun.',
  pin: (label: string) => `Pin ${label}`,
  unpin: (label: string) => `Unpin ${label}`,
  summarise: 'Summarise earlier turns',
  summarising: 'Summarising…',
  summariseTitle:
    'Put a summary in the place of the older turns, for the model. The transcript stays; it can be undone.',
  summariseRunning: 'A turn runs. Wait for its end, or stop it.',
  automatic: (percent: number) => `Happens by itself when the window is ${percent} % full.`,
  compacted: (one: Compaction) =>
    one.by
      ? `${one.by.name} had the turns above summarised for the model`
      : 'The turns above were summarised for the model',
  undone: 'This summary was undone: the model reads the turns above as they were said',
  sizes: (before: number, after: number) => `${number(before)} → ${number(after)} tokens`,
  compare: 'What was said, and the summary',
  before: 'Before',
  after: 'After',
  undo: 'Undo',
  undoTitle: 'Let the model read the turns above as they were said',
}
