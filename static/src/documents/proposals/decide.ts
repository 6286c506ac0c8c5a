// What one decides on proposals with, in one piece of code.
export { bars } from './bar'
export { proposalKeys } from './keys'
