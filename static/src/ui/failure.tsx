import type { Problem } from '../wire'
import { Icon } from './icon'

// What did not happen, why, and what to do: the words are the server's.
export function Failure({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="triangle-alert" />
      <p>
        {problem.message} {problem.do && <span class="muted">{problem.do}</span>}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          Retry
        </button>
      )}
    </div>
  )
}
