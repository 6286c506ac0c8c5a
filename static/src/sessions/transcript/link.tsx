// A link in an answer. Where its text hides where it leads, the address is shown before it is opened.
import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { Dialog } from '../../ui/dialog'
import { words } from '../../ui/words/library'

interface Props {
  address: string
  title: string
  children: ComponentChildren
}

export function Link({ address, title, children }: Props) {
  const [asking, ask] = useState('')
  const box = useRef<HTMLAnchorElement>(null)
  const leave = (e: MouseEvent) => {
    const text = box.current?.textContent?.trim() ?? ''
    if (plain(text, address)) return
    e.preventDefault()
    if (e.button < 2) ask(text || address)
  }
  const open = () => {
    ask('')
    window.open(address, '_blank', 'noopener,noreferrer')
  }
  return (
    <>
      <a
        href={address}
        title={title}
        target="_blank"
        rel="noopener noreferrer nofollow"
        ref={box}
        onClick={leave}
        onAuxClick={leave}
      >
        {children}
      </a>
      {asking && (
        <Dialog
          title={words.open}
          open
          onClose={() => ask('')}
          footer={
            <>
              <button type="button" onClick={() => ask('')}>
                {words.leave}
              </button>
              <button type="button" class="primary" onClick={open}>
                {words.openLink}
              </button>
            </>
          }
        >
          <Target address={address} text={asking} />
        </Dialog>
      )}
    </>
  )
}

/** Whether the text is the address itself, so that nothing is hidden. */
function plain(text: string, address: string): boolean {
  const bare = (one: string) => one.replace(/^(https?:\/\/|mailto:)/, '').replace(/\/$/, '')
  return bare(text) === bare(address)
}

/** The address, its host told apart: what counts is who one goes to. */
function Target({ address, text }: { address: string; text: string }) {
  const { host } = new URL(address)
  const at = host ? address.indexOf(host, address.indexOf('//')) : -1
  return (
    <>
      <p>{words.leads}</p>
      <p class="link-target">
        {at < 0 ? (
          address
        ) : (
          <>
            {address.slice(0, at)}
            <b>{host}</b>
            {address.slice(at + host.length)}
          </>
        )}
      </p>
      <p class="muted">{words.otherwise(text)}</p>
    </>
  )
}
