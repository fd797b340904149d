/** Which files a `COPY` or `ADD` brings where (Dockerfile reference, "COPY", "ADD"). Looks, changes nothing. */
import type { Stats } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { inParallel } from '../../../../../oci/parallel.ts';
import { patternOf } from './ignore.ts';
import type { Ids } from './owners.ts';
import { DockerfileError } from './syntax-error.ts';
import type { Tree, TreeFile } from './tree.ts';

/** One file, folder or link of the image, to be made. */
export interface CopyEntry {
  /** Where, relative to the image's root. */
  name: string;
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  ids: Ids;
  /** Seconds since 1970. */
  mtime: number;
  /** A file's content. */
  content: { path: string; size: number } | { bytes: Buffer } | undefined;
  /** Of a link. */
  target: string | undefined;
  /** Folders on the way that may exist already: they stay as they are. */
  implied: boolean;
}

export interface CopyRequest {
  /** The context, a stage or an image. */
  from: Tree;
  /** For people: `the build context`. */
  fromName: string;
  /** Paths or patterns in it. */
  sources: readonly string[];
  /** As written, variables replaced. */
  destination: string;
  workingDir: string;
  /** What it is copied into; undefined for `--link`, which looks at nothing. */
  into: Tree | undefined;
  /** Who owns the copy; asked for a source's own owner if nothing was said. */
  ids(source: TreeFile): Ids | Promise<Ids>;
  /** `--chmod`. */
  mode: ((mode: number, directory: boolean) => number) | undefined;
  exclude: readonly string[];
  parents: boolean;
  /** Sources whose content is known: here-documents. */
  inline: readonly { name: string; content: Buffer }[];
  /** Of every file, instead of its own: seconds. */
  mtime: number | undefined;
}

export const entryLimit = 500_000;

/** In an order in which they can be made. */
export async function planCopy(request: CopyRequest): Promise<CopyEntry[]> {
  const { from, sources, inline } = request;
  const found: { file: TreeFile; below: string }[] = [];
  let patterns = false;
  for (const source of sources) {
    const { path, kept } = splitParents(source, request.parents);
    const several = /[*?[]/.test(path);
    patterns ||= several;
    const matches = (await from.glob(path)).sort((a, b) => (a.name < b.name ? -1 : 1));
    if (matches.length === 0) throw new DockerfileError(`"${source}" is not in ${request.fromName}`);
    for (const one of matches) {
      // A link that is named is what it points to; one that is found in a folder stays a link.
      const file = one.stat.isSymbolicLink() ? await from.find(one.name) : one;
      if (!file) throw new DockerfileError(`"${source}" in ${request.fromName} is a link to nothing`);
      const folder = posix.dirname(one.name);
      found.push({ file: { ...file, name: one.name }, below: request.parents ? relativeTo(kept, folder === '.' ? '' : folder) : '' });
      // What a link leads to is walked under its real name.
      if (file.name !== one.name && file.stat.isDirectory()) found[found.length - 1] = { file, below: found.at(-1)?.below ?? '' };
    }
  }
  const count = found.length + inline.length;
  const asFolder = request.destination.endsWith('/') || request.destination === '.' || request.destination.endsWith('/.') || request.parents;
  const base = posix.resolve('/', request.workingDir, request.destination).slice(1);
  const there = await request.into?.resolve(base);
  const root = there?.name ?? base;
  const isFolder = there?.found?.stat.isDirectory() === true;
  if (count > 1 && !asFolder && !isFolder) throw new DockerfileError(`more than one ${patterns ? 'file matches' : 'source'}, so the destination must be a folder and end with a slash: ${request.destination}/`);
  if (there?.found && !isFolder && asFolder && base !== '') throw new DockerfileError(`the destination ${request.destination} is a file in the image`);

  const plan = new Map<string, CopyEntry>();
  const excluded = exclusions(request.exclude);
  const put = async (name: string, file: TreeFile, inner: string): Promise<void> => {
    if (inner !== '' && excluded(inner, file.name)) return;
    const { stat } = file;
    if (stat.isDirectory()) {
      if (name !== root || name !== '') plan.set(name, await entryOf(request, name, file, name === root || inner === ''));
      for (const leaf of await from.names(file.name)) {
        const child = await from.at(file.name === '' ? leaf : `${file.name}/${leaf}`);
        if (child) await put(name === '' ? leaf : `${name}/${leaf}`, child, inner === '' ? leaf : `${inner}/${leaf}`);
      }
    } else if (stat.isFile() || stat.isSymbolicLink()) plan.set(name, await entryOf(request, name, file, false));
    if (plan.size > entryLimit) throw new DockerfileError(`it copies more than ${entryLimit} files; leave out what is not needed (.dockerignore)`);
  };
  for (const { file, below } of found) {
    const folder = joined(root, below);
    if (below !== '') await impliedFolders(request, plan, root, below, file);
    if (file.stat.isDirectory()) {
      if (request.parents) {
        const target = joined(folder, posix.basename(file.name));
        await put(target, file, '');
      } else await put(folder, file, '');
    } else {
      const name = asFolder || isFolder ? joined(folder, posix.basename(file.name)) : folder;
      if (!excluded(posix.basename(file.name), file.name)) await put(name, file, '');
    }
  }
  for (const { name, content } of inline) {
    const target = asFolder || isFolder ? joined(root, name) : root;
    plan.set(target, { name: target, type: 'file', mode: request.mode?.(0o644, false) ?? 0o644, ids: await request.ids(synthetic), mtime: request.mtime ?? 0, content: { bytes: content }, target: undefined, implied: false });
  }
  if (asFolder && root !== '' && !isFolder && !plan.has(root)) plan.set(root, { name: root, type: 'directory', mode: 0o755, ids: await request.ids(synthetic), mtime: request.mtime ?? 0, content: undefined, target: undefined, implied: true });
  return [...plan.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A file of nobody: what has no source belongs to whom the copy belongs to, or root. */
const synthetic: TreeFile = { name: '', path: '', stat: undefined as unknown as Stats };

async function entryOf(request: CopyRequest, name: string, file: TreeFile, implied: boolean): Promise<CopyEntry> {
  const { stat } = file;
  const type = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
  const own = stat.mode & 0o7777;
  return {
    name, type, implied,
    mode: type === 'symlink' ? 0o777 : (request.mode?.(own, type === 'directory') ?? own),
    ids: await request.ids(file),
    mtime: request.mtime ?? Math.floor(stat.mtimeMs / 1000),
    content: type === 'file' ? { path: file.path, size: stat.size } : undefined,
    target: type === 'symlink' ? await readlink(file.path) : undefined,
  };
}

async function impliedFolders(request: CopyRequest, plan: Map<string, CopyEntry>, root: string, below: string, file: TreeFile): Promise<void> {
  const parts = below.split('/');
  const source = file.name.split('/');
  for (let count = 1; count <= parts.length; count++) {
    const name = joined(root, parts.slice(0, count).join('/'));
    const folder = await request.from.at(source.slice(0, source.length - 1 - (parts.length - count)).join('/'));
    if (!plan.has(name) && folder?.stat.isDirectory()) plan.set(name, await entryOf(request, name, folder, true));
  }
}

function joined(folder: string, name: string): string {
  return folder === '' ? name : name === '' ? folder : `${folder}/${name}`;
}

/** `--parents` keeps folders from the point `/./` of a source on, else all. */
function splitParents(source: string, parents: boolean): { path: string; kept: string } {
  const at = parents ? source.indexOf('/./') : -1;
  const plain = (text: string) => posix.normalize(`/${text}`).slice(1).replace(/\/$/, '');
  return { path: plain(source), kept: at < 0 ? '' : plain(source.slice(0, at)) };
}

function relativeTo(folder: string, path: string): string {
  return folder === '' ? path : path === folder ? '' : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

/** Patterns are met by the path below the source, or from the root of what is copied from. */
function exclusions(patterns: readonly string[]): (inner: string, name: string) => boolean {
  const rules = patterns.map((one) => patternOf(posix.normalize(one).replace(/^\/+|\/+$/g, '')));
  return (inner, name) => rules.some((rule) => rule.test(inner) || rule.test(name));
}

/** What is copied, as text that equal copies share: times do not count. */
export async function copyDigest(entries: readonly CopyEntry[]): Promise<string> {
  const parts = await inParallel(entries, 16, async ({ name, type, mode, ids, content, target, implied }) => JSON.stringify([name, type, mode, ids.uid, ids.gid, target ?? null, implied, content ? await contentDigest(content) : null]));
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

export async function contentDigest(content: NonNullable<CopyEntry['content']>): Promise<string> {
  const hash = createHash('sha256');
  if ('bytes' in content) hash.update(content.bytes);
  else for await (const chunk of createReadStream(content.path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** `--chmod`: octal, or symbolic as chmod(1): `u=rwX,go=rX`. */
export function parseMode(text: string): (mode: number, directory: boolean) => number {
  if (/^0?[0-7]{3,4}$/.test(text)) return () => parseInt(text, 8);
  const clauses = text.split(',').map((clause) => /^([ugoa]*)((?:[-+=][rwxXst]*)+)$/.exec(clause));
  if (text === '' || clauses.some((one) => one === null)) throw new DockerfileError(`--chmod=${text} is no mode such as 755 or u=rwX,go=rX`);
  return (mode, directory) => {
    for (const found of clauses) {
      const [, who = '', changes = ''] = found ?? [];
      for (const [, operator, letters = ''] of changes.matchAll(/([-+=])([rwxXst]*)/g)) {
        const whole = who === '' || who.includes('a') ? 'ugo' : who;
        let bits = 0;
        let clear = 0;
        for (const [letter, shift] of [['u', 6], ['g', 3], ['o', 0]] as const) {
          if (!whole.includes(letter)) continue;
          clear |= 7 << shift;
          const x = letters.includes('x') || (letters.includes('X') && (directory || (mode & 0o111) !== 0));
          bits |= ((letters.includes('r') ? 4 : 0) | (letters.includes('w') ? 2 : 0) | (x ? 1 : 0)) << shift;
          if (letters.includes('s') && letter !== 'o') bits |= letter === 'u' ? 0o4000 : 0o2000;
        }
        if (letters.includes('t')) bits |= 0o1000;
        mode = operator === '+' ? mode | bits : operator === '-' ? mode & ~bits : (mode & ~clear) | bits;
      }
    }
    return mode & 0o7777;
  };
}
