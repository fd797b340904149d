/** What a folder of sources is: which builder fits, and why. The rules are `oc new-app`'s, with index.html added for static sites. */
import { opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Detection {
  /** Name of the builder's image stream (`nodejs`, `python`, …), or `docker` for a Dockerfile. */
  builder: string;
  /** For people: `Node.js`. */
  language: string;
  /** For people: `Node.js: package.json`. */
  reason: string;
  /** Port the application will listen on. */
  port: number;
  /** 0 to 1; the list is sorted by it. */
  confidence: number;
}

interface Rule {
  builder: string;
  language: string;
  /** File names; `*.ext` matches any file of that ending. The first that is there is the reason. */
  files: readonly string[];
  confidence: number;
}

const rules: readonly Rule[] = [
  { builder: 'ruby', language: 'Ruby', files: ['Gemfile', 'Rakefile', 'config.ru'], confidence: 0.8 },
  { builder: 'java', language: 'Java', files: ['pom.xml', 'build.gradle', 'build.gradle.kts'], confidence: 0.8 },
  { builder: 'nodejs', language: 'Node.js', files: ['package.json', 'app.json'], confidence: 0.9 },
  { builder: 'php', language: 'PHP', files: ['composer.json', 'index.php'], confidence: 0.8 },
  { builder: 'python', language: 'Python', files: ['requirements.txt', 'setup.py', 'pyproject.toml', 'Pipfile'], confidence: 0.9 },
  { builder: 'perl', language: 'Perl', files: ['cpanfile', 'index.pl'], confidence: 0.7 },
  { builder: 'scala', language: 'Scala', files: ['build.sbt'], confidence: 0.7 },
  { builder: 'dotnet', language: '.NET', files: ['project.json', '*.csproj', '*.fsproj'], confidence: 0.8 },
  { builder: 'golang', language: 'Go', files: ['go.mod', 'main.go', 'Godeps'], confidence: 0.8 },
  { builder: 'rust', language: 'Rust', files: ['Cargo.toml'], confidence: 0.7 },
  { builder: 'docker', language: 'Dockerfile', files: ['Dockerfile', 'Containerfile'], confidence: 0.5 },
  { builder: 'python', language: 'Python', files: ['app.py', 'wsgi.py', 'manage.py'], confidence: 0.6 },
  { builder: 'nodejs', language: 'Node.js', files: ['server.js', 'index.js'], confidence: 0.3 },
  { builder: 'static', language: 'Static site', files: ['index.html', 'index.htm', 'public/index.html', 'dist/index.html'], confidence: 0.4 },
];

/** Entries of the folder that are looked at; a source with more at its top is judged by these. */
const mostEntries = 10_000;

/**
 * Every builder that fits, best first; each builder once. Empty if nothing is recognised.
 * Rejects with the system's error if the folder cannot be read.
 */
export async function detectSource(directory: string): Promise<Detection[]> {
  const names = await namesIn(directory);
  for (const folder of ['public', 'dist']) {
    if (!names.has(folder)) continue;
    for (const name of await namesIn(join(directory, folder)).catch(() => new Set<string>())) names.add(`${folder}/${name}`);
  }
  const found: Detection[] = [];
  for (const { builder, language, files, confidence } of rules) {
    if (found.some((one) => one.builder === builder)) continue;
    const file = firstMatch(names, files);
    if (file === undefined) continue;
    found.push({ builder, language, reason: `${language}: ${file}`, port: await suggestPort(directory, builder, file), confidence: await adjust(directory, builder, file, confidence) });
  }
  return found.sort((a, b) => b.confidence - a.confidence);
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
    for (const name of names) if (name.endsWith(file.slice(1))) return name;
  }
  return undefined;
}

/** A package.json that only drives tools beside another language's manifest says less than one with a start script. */
async function adjust(directory: string, builder: string, file: string, confidence: number): Promise<number> {
  if (builder !== 'nodejs' || file !== 'package.json') return confidence;
  const manifest = await readJson(join(directory, file));
  const scripts = isRecord(manifest) && isRecord(manifest.scripts) ? manifest.scripts : {};
  return 'start' in scripts ? 0.95 : 0.75;
}

async function suggestPort(directory: string, builder: string, file: string): Promise<number> {
  if (builder !== 'docker') return 8080;
  const text = await readFile(join(directory, file), 'utf8').catch(() => '');
  const port = Number(/^\s*EXPOSE\s+(\d+)/im.exec(text)?.[1]);
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
