// Finding by a few letters, for quick open, the palette and mentions.
import uFuzzy from '@leeoniya/ufuzzy'

const fuzzy = new uFuzzy({ intraMode: 1, intraIns: 1 })

/** Places of what fits in the haystack, best first; without text the first ones. */
export function rank(text: string, haystack: string[], most: number): number[] {
  if (!text) return haystack.map((_, at) => at).slice(0, most)
  const [ids, info, order] = fuzzy.search(haystack, text, 1)
  if (!ids) return []
  return (info && order ? order.map((at) => info.idx[at]!) : ids).slice(0, most)
}
