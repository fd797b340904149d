/** What the product says in a language, looked up by its English: tests in both languages read alike. */
import { readFileSync } from 'node:fs';

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

export type Say = (english: string, ...values: string[]) => string;

export function texts(language: string): Say {
  const fill = (text: string, values: string[]) => text.replace(/\{(\d)\}/g, (_, index: string) => values[Number(index)] ?? '');
  if (language === 'en') return (english, ...values) => fill(english, values);
  const manifest = read('package.nls.json');
  const translated = read(`package.nls.${language}.json`);
  const known: Record<string, string> = { ...Object.fromEntries(Object.entries(manifest).map(([key, english]) => [english, translated[key] ?? english])), ...read(`media/l10n/bundle.l10n.${language}.json`) };
  return (english, ...values) => {
    const text = known[english];
    if (text === undefined) throw new Error(`"${english}" is not among the product's texts`);
    return fill(text, values);
  };
}
