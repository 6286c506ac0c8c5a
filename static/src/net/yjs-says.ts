// What Yjs says on the console: in plain text. Its own printer, with colours and pictures, weighs five kilobytes.
export const BOLD = ''
export const UNBOLD = ''
export const ORANGE = ''
export const RED = ''

export const print = (...said: unknown[]) => console.info(...said.filter((one) => one !== ''))
export const warn = (...said: unknown[]) => console.warn(...said)
