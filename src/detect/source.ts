/** What a folder of sources is: which builders fit, and why. The rules and their order are `oc new-app`'s, with a Dockerfile before all; after them files that it does not know. */
import { opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readVersionHint, type VersionHint } from './version-hint.ts';

export interface Detection {
  /** Name of the builder's image stream (`nodejs`, `python`, …), or `docker` for a Dockerfile, which needs none. */
  builder: string;
  /** For people: `Node.js`. */
  language: string;
  /** The file that says so. */
  file: string;
  /** For people: `Node.js: package.json`. */
  reason: string;
  /** Port the application will listen on. */
  port: number;
  /** The version of its language that the source asks for. */
  version?: VersionHint;
}

interface Rule {
  builder: string;
  language: string;
  /** File names; `*.ext` matches any file of that ending. The first that is there is the reason. */
  files: readonly string[];
}

/** openshift/oc, pkg/helpers/source-to-image: the file names of each language, in its order. */
const rules: readonly Rule[] = [
  { builder: 'docker', language: 'Dockerfile', files: ['Dockerfile', 'Containerfile'] },
  { builder: 'ruby', language: 'Ruby', files: ['Gemfile', 'Rakefile', 'config.ru'] },
  { builder: 'java', language: 'Java', files: ['pom.xml'] },
  { builder: 'nodejs', language: 'Node.js', files: ['app.json', 'package.json'] },
  { builder: 'php', language: 'PHP', files: ['index.php', 'composer.json'] },
  { builder: 'python', language: 'Python', files: ['requirements.txt', 'setup.py'] },
  { builder: 'perl', language: 'Perl', files: ['index.pl', 'cpanfile'] },
  { builder: 'scala', language: 'Scala', files: ['build.sbt'] },
  { builder: 'dotnet', language: '.NET', files: ['project.json', '*.csproj'] },
  { builder: 'golang', language: 'Go', files: ['main.go', 'Godeps'] },
  { builder: 'rust', language: 'Rust', files: ['Cargo.toml'] },
];

/** What has come since, and what is told by the program itself. */
const more: readonly Rule[] = [
  { builder: 'golang', language: 'Go', files: ['go.mod', 'go.work'] },
  { builder: 'java', language: 'Java', files: ['build.gradle', 'build.gradle.kts', 'gradlew'] },
  { builder: 'python', language: 'Python', files: ['pyproject.toml', 'Pipfile', 'setup.cfg', 'app.py', 'wsgi.py', 'manage.py', 'app.sh'] },
  { builder: 'dotnet', language: '.NET', files: ['*.fsproj', '*.vbproj', '*.runtimeconfig.json'] },
  { builder: 'perl', language: 'Perl', files: ['*.psgi'] },
  { builder: 'java', language: 'Java', files: ['*.jar'] },
  { builder: 'nodejs', language: 'Node.js', files: ['server.js'] },
  { builder: 'static', language: 'Static site', files: ['index.html', 'index.htm', 'public/index.html', 'dist/index.html'] },
];

/** Entries of the folder that are looked at; a source with more at its top is judged by these. */
const mostEntries = 10_000;

/**
 * Every builder that fits, in order; each builder once. Empty if nothing is recognised.
 * Rejects with the system's error if the folder cannot be read.
 */
export async function detectSource(directory: string): Promise<Detection[]> {
  const names = await namesIn(directory);
  for (const folder of ['public', 'dist']) {
    if (!names.has(folder)) continue;
    for (const name of await namesIn(join(directory, folder)).catch(() => new Set<string>())) names.add(`${folder}/${name}`);
  }
  const found: Detection[] = [];
  for (const { builder, language, files } of [...rules, ...more]) {
    if (found.some((one) => one.builder === builder)) continue;
    const file = firstMatch(names, files);
    if (file === undefined) continue;
    const version = await readVersionHint(builder, directory);
    found.push({ builder, language, file, reason: `${language}: ${file}`, port: await suggestPort(directory, builder, file), ...(version && { version }) });
  }
  if (!(await onlyTools(directory, names))) return found;
  const rank = ({ builder }: Detection) => ['nodejs', 'static'].indexOf(builder);
  return found.sort((a, b) => rank(a) - rank(b));
}

async function namesIn(directory: string): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const entry of await opendir(directory)) {
    names.add(entry.name);
    if (names.size >= mostEntries) break;
  }
  return names;
}

function firstMatch(names: ReadonlySet<string>, files: readonly string[]): string | undefined {
  for (const file of files) {
    if (!file.startsWith('*')) {
      if (names.has(file)) return file;
      continue;
    }
    for (const name of [...names].sort()) if (name.endsWith(file.slice(1))) return name;
  }
  return undefined;
}

/** A package.json that only drives tools for another language's application starts nothing: it comes after that language. */
async function onlyTools(directory: string, names: ReadonlySet<string>): Promise<boolean> {
  if (!names.has('package.json') || names.has('server.js') || names.has('app.json')) return false;
  const manifest = await readJson(join(directory, 'package.json'));
  return isRecord(manifest) && !manifest.main && !(isRecord(manifest.scripts) && 'start' in manifest.scripts);
}

async function suggestPort(directory: string, builder: string, file: string): Promise<number> {
  if (builder !== 'docker') return 8080;
  const text = await readFile(join(directory, file), 'utf8').catch(() => '');
  // Of the last stage, which is what runs.
  const last = text.split(/^\s*FROM\s/im).at(-1) ?? '';
  const port = Number(/^\s*EXPOSE\s+(\d+)/im.exec(last)?.[1] ?? /^\s*EXPOSE\s+(\d+)/im.exec(text)?.[1]);
  return port > 0 && port < 65536 ? port : 8080;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
