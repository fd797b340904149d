/** `.s2iignore`: patterns of Go's filepath.Glob from the source's root, not recursive; `#` starts a comment, `!` takes back what an earlier line matched. Pure. */
/** `list` gives the names in a folder, `''` being the root, and nothing for what is no folder. */
export async function ignoredPaths(text: string, list: (folder: string) => Promise<string[]>): Promise<string[]> {
  const doomed = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const trimmed = line.trim();
    const keep = trimmed.startsWith('!');
    const components = (keep ? trimmed.slice(1) : trimmed).split('/').filter((part) => part !== '' && part !== '.');
    // A pattern that leaves the source matches nothing in it.
    if (components.length === 0 || components.includes('..')) continue;
    for (const path of await glob(components, list)) {
      if (keep) doomed.delete(path);
      else doomed.add(path);
    }
  }
  return [...doomed].sort();
}

async function glob(components: readonly string[], list: (folder: string) => Promise<string[]>): Promise<string[]> {
  let found = [''];
  for (const component of components) {
    const matches = matcher(component);
    const next: string[] = [];
    for (const folder of found) {
      for (const name of await list(folder)) if (matches(name)) next.push(folder === '' ? name : `${folder}/${name}`);
    }
    found = next;
  }
  return found;
}

/** One path component by filepath.Match: `*`, `?`, `[a-z]`, `[^a-z]`, `\` quotes. A malformed pattern matches nothing. */
export function matcher(pattern: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const one = pattern.charAt(at);
    if (one === '*') source += '.*';
    else if (one === '?') source += '.';
    else if (one === '\\') {
      at++;
      if (at >= pattern.length) return () => false;
      source += quote(pattern.charAt(at));
    } else if (one === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) return () => false;
      const inside = pattern.slice(at + 1, end);
      const negated = inside.startsWith('^');
      source += `[${negated ? '^' : ''}${(negated ? inside.slice(1) : inside).replace(/[\\\]^[]/g, '\\$&')}]`;
      at = end;
    } else source += quote(one);
  }
  try {
    const rule = new RegExp(`^${source}$`, 'su');
    return (name) => rule.test(name);
  } catch {
    return () => false;
  }
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
