import { Component, type ComponentChildren, type ComponentClass } from 'preact'

/** A component that is drawn again only when one of its properties is another value. */
export function still<P extends object>(Draw: (props: P) => ComponentChildren): ComponentClass<P> {
  return class Still extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props, next)
    }

    override render() {
      return <Draw {...(this.props as P)} />
    }
  }
}

function same(a: object, b: object): boolean {
  const keys = Object.keys(a) as (keyof typeof a)[]
  return keys.length === Object.keys(b).length && keys.every((key) => Object.is(a[key], b[key]))
}
