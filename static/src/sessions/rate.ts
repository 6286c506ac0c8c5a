// Tokens a second over the last second. Pure: samples in, a number out.

export interface Sample {
  at: number // ms
  tokens: number // in all, of one turn
}

export const WINDOW = 1000

/** The samples with one more, without those that no second reaches back to any more. */
export function sampled(samples: readonly Sample[], next: Sample): Sample[] {
  const last = samples.at(-1)
  // Fewer tokens than before: another turn.
  const kept = last && next.tokens < last.tokens ? [] : samples
  const cut = kept.findLastIndex((one) => one.at <= next.at - WINDOW)
  return [...kept.slice(Math.max(cut, 0)), next]
}

/** Tokens a second over the window that ends at `now`; null while there is too little to tell. */
export function rate(samples: readonly Sample[], now: number): number | null {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last || last.at - first.at < WINDOW / 4) return null
  return ((last.tokens - first.tokens) * 1000) / (Math.max(now, last.at) - first.at)
}
