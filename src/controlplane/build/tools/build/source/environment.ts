/** `.s2i/environment`: `NAME=VALUE` lines; `#` in the first column is a comment; name and value are trimmed. */
import { readFile } from 'node:fs/promises';
import { fileInside } from './inside.ts';

export interface Variable {
  name: string;
  value: string;
}

export async function readEnvironmentFile(source: string): Promise<Variable[]> {
  const path = await fileInside(source, '.s2i/environment');
  return path === undefined ? [] : parseEnvironment(await readFile(path, 'utf8'));
}

/** Lines without `=` or without a name are left out. */
export function parseEnvironment(text: string): Variable[] {
  const variables: Variable[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const at = line.indexOf('=');
    const name = line.slice(0, Math.max(at, 0)).trim();
    if (name !== '') variables.push({ name, value: line.slice(at + 1).trim() });
  }
  return variables;
}

/** Later lists win; the order is that of first appearance. */
export function mergeVariables(...lists: (readonly Variable[])[]): Variable[] {
  const merged = new Map<string, string>();
  for (const list of lists) for (const { name, value } of list) merged.set(name, value);
  return [...merged].map(([name, value]) => ({ name, value }));
}
