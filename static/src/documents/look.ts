// The editor's theme: it reads the tokens, so dark, light and contrast need nothing here.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorView } from '@codemirror/view'
import { tags as t } from '@lezer/highlight'

const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', color: 'var(--text)', background: 'var(--ground)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--font-code)',
    fontVariantLigatures: 'none',
    lineHeight: '21px',
    overflow: 'auto',
  },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 16px 0 4px' },
  '.cm-gutters': { background: 'var(--ground)', color: 'var(--faint)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '42px', padding: '0 8px 0 8px' },
  '.cm-foldGutter .cm-gutterElement': { width: '14px', cursor: 'pointer', opacity: '0' },
  '.cm-gutters:hover .cm-foldGutter .cm-gutterElement': { opacity: '1' },
  '.cm-activeLine': { background: 'color-mix(in oklab, var(--raised) 45%, transparent)' },
  '.cm-activeLineGutter': { background: 'none', color: 'var(--text)' },
  '.cm-cursor, .cm-dropCursor': { borderLeft: '2px solid var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--select)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { background: 'none', outline: '1px solid var(--faint)' },
  '.cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket': { background: 'none', color: 'var(--bad)' },
  '.cm-selectionMatch': { background: 'color-mix(in oklab, var(--accent) 16%, transparent)' },
  '.cm-searchMatch': { background: 'color-mix(in oklab, var(--warn) 28%, transparent)' },
  '.cm-searchMatch-selected': { background: 'color-mix(in oklab, var(--warn) 55%, transparent)' },
  '.cm-foldPlaceholder': { background: 'var(--raised)', border: '1px solid var(--line)', color: 'var(--muted)' },
  '.cm-panels': { background: 'var(--panel)', color: 'var(--text)', borderColor: 'var(--line)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panel.cm-search': { padding: '8px 12px', fontFamily: 'var(--font-ui)' },
  '.cm-panel.cm-search input, .cm-panel.cm-search button': { width: 'auto', fontSize: '12px', margin: '2px 4px 2px 0' },
  '.cm-panel.cm-search label': {
    display: 'inline-flex',
    alignItems: 'center',
    gap: '4px',
    fontSize: '12px',
    minHeight: '26px',
    margin: '0 8px',
  },
  '.cm-textfield': { background: 'var(--ground)', border: '1px solid var(--line)', color: 'var(--text)' },
  '.cm-button': { background: 'var(--raised)', border: '1px solid var(--line)', color: 'var(--text)' },
  '.cm-tooltip': { background: 'var(--raised)', border: '1px solid var(--line)', borderRadius: 'var(--r-m)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { background: 'var(--panel)', color: 'var(--text)' },
  '.cm-specialChar': { color: 'var(--bad)' },
})

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.modifier, t.operatorKeyword, t.self, t.null, t.bool], color: 'var(--k)' },
  {
    tag: [t.function(t.variableName), t.function(t.propertyName), t.function(t.definition(t.variableName))],
    color: 'var(--f)',
  },
  { tag: [t.className, t.typeName, t.namespace, t.definition(t.className), t.tagName], color: 'var(--f)' },
  { tag: [t.string, t.special(t.string), t.regexp, t.character, t.attributeValue], color: 'var(--s)' },
  { tag: [t.number, t.atom, t.unit, t.color, t.attributeName], color: 'var(--n)' },
  { tag: [t.comment, t.lineComment, t.blockComment, t.docComment], color: 'var(--c)', fontStyle: 'italic' },
  { tag: [t.meta, t.annotation, t.processingInstruction], color: 'var(--muted)' },
  { tag: t.heading, color: 'var(--f)', fontWeight: '600' },
  { tag: t.link, color: 'var(--accent)' },
  { tag: t.emphasis, fontStyle: 'italic' },
  { tag: t.strong, fontWeight: '600' },
  { tag: t.invalid, color: 'var(--bad)' },
])

// The editor writes its styles into one element, which the page's policy knows by this.
const nonce = document.querySelector<HTMLMetaElement>('meta[name=nonce]')?.content ?? ''

export const look = [EditorView.cspNonce.of(nonce), theme, syntaxHighlighting(colours)]
