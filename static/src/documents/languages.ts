// The language of a file, by its name. The list of languages comes after the text, each grammar when it is needed.
import { LanguageDescription, type LanguageSupport } from '@codemirror/language'
import { signal } from '@preact/signals'
import { later } from '../ui/lazy'

const known = signal<readonly LanguageDescription[] | null>(null)
const load = later(async () => (known.value = (await import('@codemirror/language-data')).languages))

const find = (all: readonly LanguageDescription[], path: string) =>
  LanguageDescription.matchFilename(all, path.split('/').pop() ?? '')

/** What people call it; nothing until the list is here. */
export const languageName = (path: string) => known.value && (find(known.value, path)?.name ?? 'Plain text')

export async function loadLanguage(path: string): Promise<LanguageSupport | null> {
  return find(await load(), path)?.load() ?? null
}
