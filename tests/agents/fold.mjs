// Folds events into snapshots with the browser's own code (static/src/sessions/state.ts; node strips its types).
// Standard input: [{snapshot, events}]; standard output: for each the view, and whether events are missing.
import { readFileSync } from 'node:fs'
import { applyAll, fromSnapshot, hasGap } from '../../static/src/sessions/state.ts'

const cases = JSON.parse(readFileSync(0, 'utf8'))
const told = cases.map(({ snapshot, events }) => {
  const view = applyAll(fromSnapshot(snapshot), events)
  return { view, gap: hasGap(view) }
})
process.stdout.write(JSON.stringify(told))
