/** DNS-1123 label, the rule for applications since services carry their name; services want a letter first (DNS-1035). */
const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const longest = 63;
/** Room for what is made from the name: `<name>-1-build`, `<name>-12-deploy`, `<name>-1-x7k2p`. */
const longestAppName = 50;

/** What is wrong with an application's name, or nothing. */
export function validateAppName(name: string): string | undefined {
  if (name === '') return 'A name is needed.';
  if (name.length > longestAppName) return `"${name}" is ${name.length} characters long; at most ${longestAppName} fit, since pods and host names are made from it.`;
  if (/[A-Z]/.test(name)) return `"${name}" has capital letters; host names are lower case: try "${proposeName(name)}".`;
  if (!label.test(name)) return `"${name}" is no DNS label: lower-case letters, digits and "-" are allowed, a letter comes first and no "-" last. Try "${proposeName(name)}".`;
  return undefined;
}

/** A valid name made from a folder's path or a repository's URL: `git@host:team/My_App.git` gives `my-app`. */
export function proposeName(source: string): string {
  const withoutRef = source.replace(/[#?].*$/, '').replace(/[\\/]+$/, '');
  const last = withoutRef.split(/[\\/:]/).pop() ?? '';
  const name = last
    .replace(/\.git$/i, '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, Math.min(longestAppName, longest))
    .replace(/-+$/, '');
  return name || 'app';
}
