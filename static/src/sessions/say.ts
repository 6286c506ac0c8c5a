// The one polite live region of sessions, inline edits and proposals. A stream is never read out token by token.
let region: HTMLElement | null = null

/** Have screen readers say a short sentence when they are free. */
export function say(text: string): void {
  if (!region?.isConnected) {
    region = document.createElement('div')
    region.className = 'visually-hidden'
    region.setAttribute('role', 'status')
    region.setAttribute('aria-live', 'polite')
    document.body.append(region)
  }
  // The same sentence twice is said twice.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text
}
