export function Progress({ done, total, label = 'Progress' }: { done: number; total: number; label?: string }) {
  const share = total ? Math.min(1, done / total) : 0
  return (
    <span
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i style={{ transform: `scaleX(${share})` }} />
    </span>
  )
}
