// The file tree as data: flat paths in, visible rows out.
import type { TreeEntry } from '../wire'

export interface Node {
  path: string
  name: string
  kind: TreeEntry['kind']
  problem: string
  children: Node[]
}
export interface Row {
  node: Node
  depth: number
  open: boolean
}

// Control and direction characters could make a name look like another one; they are shown as code points.
export const shownName = (name: string) =>
  name.replace(/[\p{Cc}\p{Cf}]/gu, (c) => `‹${c.codePointAt(0)!.toString(16).padStart(4, '0')}›`)

export function build(entries: TreeEntry[]): Node[] {
  const roots: Node[] = []
  const byPath = new Map<string, Node>()
  const place = (path: string, kind: TreeEntry['kind'], problem: string): Node => {
    const known = byPath.get(path)
    if (known) return Object.assign(known, { kind, problem })
    const cut = path.lastIndexOf('/')
    const node: Node = { path, name: shownName(path.slice(cut + 1)), kind, problem, children: [] }
    byPath.set(path, node)
    const siblings = cut < 0 ? roots : place(path.slice(0, cut), 'folder', '').children
    siblings.push(node)
    return node
  }
  for (const entry of entries) place(entry.path, entry.kind, entry.problem)
  const order = (a: Node, b: Node) =>
    Number(b.kind === 'folder') - Number(a.kind === 'folder') ||
    a.name.localeCompare(b.name, undefined, { numeric: true })
  for (const node of byPath.values()) node.children.sort(order)
  return roots.sort(order)
}

export function rows(nodes: Node[], open: ReadonlySet<string>, depth = 0): Row[] {
  return nodes.flatMap((node) => {
    const isOpen = node.kind === 'folder' && open.has(node.path)
    return [{ node, depth, open: isOpen }, ...(isOpen ? rows(node.children, open, depth + 1) : [])]
  })
}
