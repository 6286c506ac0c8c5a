// Positions as they cross the wire: relative to the characters beside them.
import * as Y from 'yjs'
import type { Anchor } from '../wire'

export function anchorOf(text: Y.Text, index: number, assoc: number): Anchor {
  const relative = Y.createRelativePositionFromTypeIndex(text, index, assoc)
  return btoa(String.fromCharCode(...Y.encodeRelativePosition(relative)))
}

// Null while the text it stands in has not arrived.
export function indexOf(text: Y.Text, anchor: Anchor): number | null {
  const bytes = Uint8Array.from(atob(anchor), (c) => c.charCodeAt(0))
  const relative = Y.decodeRelativePosition(bytes)
  const found = text.doc && Y.createAbsolutePositionFromRelativePosition(relative, text.doc)
  return found && found.type === text ? found.index : null
}
