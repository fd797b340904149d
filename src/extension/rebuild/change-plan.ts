/** What a save means for an application that runs: pure. */

export interface TreeFile {
  size: number;
  mode: number;
  /** Milliseconds; a file whose size and time are as before is not read again. */
  modified: number;
  digest: string;
  link?: string;
}

/** Files of a source by their path, with `/`. */
export type Tree = ReadonlyMap<string, TreeFile>;

export interface Changes {
  /** New or other than before. */
  changed: string[];
  removed: string[];
}

export function changesBetween(before: Tree, after: Tree): Changes {
  const changed = [...after].filter(([path, file]) => !same(before.get(path), file)).map(([path]) => path);
  return { changed, removed: [...before.keys()].filter((path) => !after.has(path)) };
}

export function nothingChanged({ changed, removed }: Changes): boolean {
  return changed.length + removed.length === 0;
}

function same(a: TreeFile | undefined, b: TreeFile): boolean {
  return a !== undefined && a.digest === b.digest && a.link === b.link && (a.mode & 0o111) === (b.mode & 0o111);
}

/** Files that say what is installed or how it is built: the container that runs holds neither anew. */
const builtFrom = /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|requirements[\w.-]*\.txt|constraints\.txt|Pipfile(\.lock)?|pyproject\.toml|setup\.(py|cfg)|poetry\.lock|Gemfile(\.lock)?|composer\.(json|lock)|cpanfile(\.snapshot)?|Dockerfile|Containerfile)$|^\.s2i\//;
/** Languages whose sources are not what runs. */
const compiled = /golang|(^|[/\W])go([:@]|$)|java|jboss|openjdk|dotnet|rust/;
/** More than this travels faster as a build. */
const most = { files: 2_000, removed: 200, bytes: 32 * 1024 * 1024 };

/** Why files cannot just be put into the running container, if so: the path that decides, or a word. */
export function needsBuild({ changed, removed }: Changes, tree: Tree, builder: string): string | undefined {
  if (compiled.test(builder)) return builder;
  const decides = [...changed, ...removed].find((path) => builtFrom.test(path));
  if (decides) return decides;
  const bytes = changed.reduce((sum, path) => sum + (tree.get(path)?.size ?? 0), 0);
  return changed.length > most.files || removed.length > most.removed || bytes > most.bytes ? `${changed.length + removed.length}` : undefined;
}

/** Servers that read a file at each request: nothing is started again. */
export function readsAtRequest(builder: string): boolean {
  return /(^|[/\W])(static|php|httpd|nginx)/.test(builder);
}
