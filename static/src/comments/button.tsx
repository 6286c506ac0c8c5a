import { Icon } from '../ui/icon'

// Out of the Tab order: the key does the same, and the text keeps the focus.
export function SelectionButton({ label, hint, run }: { label: string; hint: string; run: () => void }) {
  return (
    <button
      type="button"
      class="icon"
      tabIndex={-1}
      aria-label={label}
      title={`${label} (${hint})`}
      onMouseDown={(event) => event.preventDefault()}
      onClick={run}
    >
      <Icon name="message-square-plus" size={14} />
    </button>
  )
}
