/** Values that came from users, as one word of HAProxy's configuration (configuration.txt section 2.2). */

/** Between strong quotes nothing is special but the quote itself. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll(/[\r\n]/g, ' ').replaceAll("'", String.raw`'\''`)}'`;
}

/** Literal text in a log-format expression: `%` starts a variable there. */
export function literal(text: string): string {
  return text.replaceAll('%', '%%');
}
