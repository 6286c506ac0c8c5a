// What one decides on proposals with, in one piece of code.
export { bars } from './proposals-bar'
export { proposalKeys } from './proposals-keys'
