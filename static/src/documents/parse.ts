// While a stream runs, a language is parsed to a little below the viewport and no further: half-written code keeps the
// rest of its tree from being used again, and the editor would parse to the end of the document at every change.
// Given back whole when the stream has ended (a fresh `viewport` language in the compartment).
import { Language, type LanguageSupport, ParseContext } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { type Input, Parser, type PartialParse, Tree, type TreeFragment } from '@lezer/common'

const BELOW = 1000 // characters
const MOVED = 500 // the tail is marked again only if it moved so far: the marks pile up

type Ranges = readonly { from: number; to: number }[]

class ViewportParser extends Parser {
  private marked = -1

  constructor(
    private whole: Parser,
    private streaming: () => boolean,
  ) {
    super()
  }

  override createParse(input: Input, fragments: readonly TreeFragment[], ranges: Ranges): PartialParse {
    const parse = this.whole.startParse(input, fragments, ranges)
    const context = ParseContext.get()
    if (!context || !this.streaming()) return parse
    const end = Math.min(input.length, context.viewport.to + BELOW)
    return end < input.length ? this.cut(parse, context, end, input.length) : parse
  }

  private cut(parse: PartialParse, context: ParseContext, end: number, length: number): PartialParse {
    parse.stopAt(end)
    let stopped: number | null = null // by the context, when its time is up
    const skip = () => {
      if (Math.abs(length - end - this.marked) < MOVED) return
      this.marked = length - end
      context.skipUntilInView(end, length)
    }
    return {
      get parsedPos() {
        return parse.parsedPos
      },
      get stoppedAt() {
        return stopped
      },
      stopAt(position) {
        if (position >= end) return
        stopped = position
        parse.stopAt(position)
      },
      advance() {
        const tree = parse.advance()
        if (!tree || stopped !== null) return tree
        skip()
        return new Tree(tree.type, tree.children, tree.positions, length)
      },
    }
  }
}

export function viewport({ language, support }: LanguageSupport, streaming: () => boolean): Extension {
  return [new Language(language.data, new ViewportParser(language.parser, streaming), [], language.name), support]
}

const MANY = 6 // changes by others in a row, each soon after the other
const SOON_MS = 120
const OVER_MS = 600

// Whether text streams in, told from how closely the changes of others follow each other.
export class Stream {
  on = false
  private row = 0
  private last = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private ended: () => void) {}

  note(now = performance.now()) {
    this.row = now - this.last < SOON_MS ? this.row + 1 : 1
    this.last = now
    if (this.row < MANY && !this.on) return
    this.on = true
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.on = false
      this.row = 0
      this.ended()
    }, OVER_MS)
  }

  stop() {
    clearTimeout(this.timer)
  }
}
