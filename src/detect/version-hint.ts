/** Which version of its language a source asks for, read from the files that version managers and package managers read. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRange } from './version-range.ts';

export interface VersionHint {
  /** As the source writes it: `>=20`. */
  wanted: string;
  /** Where: `engines.node of package.json`. */
  from: string;
  /** What fits, for `inRange`; absent if it is a name (`lts/*`). */
  range?: string;
}

/** Whether a toolchain of that version is what the source asks for; true where it cannot be told. */
export function hintFits(hint: VersionHint | undefined, version: string): boolean {
  return hint?.range === undefined || (inRange(version, hint.range) ?? true);
}

type Read = (file: string) => Promise<string | undefined>;
type Reader = (read: Read, names: readonly string[]) => Promise<VersionHint | undefined>;

/** Larger files are no manifests. */
const largestFile = 1 << 20;

export async function readVersionHint(builder: string, directory: string): Promise<VersionHint | undefined> {
  const reader = readers[builder];
  if (!reader) return undefined;
  const read: Read = async (file) => {
    const text = await readFile(join(directory, file), 'utf8').catch(() => undefined);
    return text !== undefined && text.length <= largestFile ? text : undefined;
  };
  return reader(read, await readdir(directory).catch(() => []));
}

const readers: Record<string, Reader> = {
  async nodejs(read) {
    const engines = at(json(await read('package.json')), 'engines', 'node');
    if (engines) return { wanted: engines, from: 'engines.node of package.json', range: engines };
    for (const file of ['.nvmrc', '.node-version']) {
      const line = firstLine(await read(file));
      if (line) return { wanted: line, from: file, ...(/^v?\d/.test(line) && { range: sameAs(line, 1) }) };
    }
    return undefined;
  },

  async python(read) {
    const pinned = firstLine(await read('.python-version'));
    if (pinned) return { wanted: pinned, from: '.python-version', ...(/^\d/.test(pinned) && { range: sameAs(pinned, 2) }) };
    const runtime = /^python-(\d[\w.]*)/.exec(firstLine(await read('runtime.txt')) ?? '')?.[1];
    if (runtime) return { wanted: runtime, from: 'runtime.txt', range: sameAs(runtime, 2) };
    const project = /^requires-python\s*=\s*["']([^"']+)["']/m.exec((await read('pyproject.toml')) ?? '')?.[1];
    if (project) return { wanted: project, from: 'requires-python of pyproject.toml', range: project };
    const pipfile = /^python_(?:full_)?version\s*=\s*["'](\d[\d.]*)["']/m.exec((await read('Pipfile')) ?? '')?.[1];
    return pipfile ? { wanted: pipfile, from: 'Pipfile', range: sameAs(pipfile, 2) } : undefined;
  },

  async ruby(read) {
    const pinned = firstLine(await read('.ruby-version'))?.replace(/^ruby-/, '');
    if (pinned) return { wanted: pinned, from: '.ruby-version', ...(/^\d/.test(pinned) && { range: sameAs(pinned, 2) }) };
    const gemfile = /^\s*ruby\s+["']([^"']+)["']/m.exec((await read('Gemfile')) ?? '')?.[1];
    return gemfile ? { wanted: gemfile, from: 'the Gemfile', range: gemfile } : undefined;
  },

  async golang(read) {
    const module = (await read('go.mod')) ?? '';
    const wanted = /^toolchain go(\d[\d.]*)/m.exec(module)?.[1] ?? /^go (\d[\d.]*)/m.exec(module)?.[1];
    return wanted ? { wanted, from: 'go.mod', range: `>=${wanted}` } : undefined;
  },

  async java(read) {
    const pinned = firstLine(await read('.java-version'));
    if (pinned) return { wanted: pinned, from: '.java-version', ...(/^\d/.test(pinned) && { range: sameAs(pinned.replace(/^1\./, ''), 1) }) };
    const pom = (await read('pom.xml')) ?? '';
    const release = /<(maven\.compiler\.release|maven\.compiler\.target|java\.version|release|target)>\s*(?:1\.)?(\d+)\s*<\/\1>/.exec(pom);
    if (release?.[2]) return { wanted: release[2], from: `${release[1]} of pom.xml`, range: `>=${release[2]}` };
    for (const file of ['build.gradle', 'build.gradle.kts']) {
      const text = (await read(file)) ?? '';
      const wanted = /JavaLanguageVersion\.of\((\d+)\)|VERSION_(?:1_)?(\d+)|(?:source|target)Compatibility\s*=\s*["']?(?:1\.)?(\d+)/.exec(text)?.slice(1).find(Boolean);
      if (wanted) return { wanted, from: file, range: `>=${wanted}` };
    }
    return undefined;
  },

  async dotnet(read, names) {
    const sdk = at(json(await read('global.json')), 'sdk', 'version');
    if (sdk) return { wanted: sdk, from: 'global.json', range: `${sameAs(sdk, 2)} >=${sdk}` };
    const project = names.find((name) => /\.(cs|fs|vb)proj$/.test(name));
    const framework = project && /<TargetFrameworks?>[^<]*?net(\d+\.\d+)/.exec((await read(project)) ?? '')?.[1];
    return framework ? { wanted: framework, from: project, range: `>=${framework}` } : undefined;
  },

  async php(read) {
    const required = at(json(await read('composer.json')), 'require', 'php');
    if (required) return { wanted: required, from: 'composer.json', range: required };
    const pinned = firstLine(await read('.php-version'));
    return pinned ? { wanted: pinned, from: '.php-version', ...(/^\d/.test(pinned) && { range: sameAs(pinned, 2) }) } : undefined;
  },

  async perl(read) {
    const wanted = /^\s*requires\s+["']?perl["']?\s*(?:,|=>)\s*["']?v?([\d.]+)/m.exec((await read('cpanfile')) ?? '')?.[1];
    if (!wanted) return undefined;
    // `5.026001` is 5.26.1.
    const decimal = /^5\.(\d{3})(\d{3})?$/.exec(wanted);
    return { wanted, from: 'cpanfile', range: `>=${decimal ? `5.${Number(decimal[1])}.${Number(decimal[2] ?? 0)}` : wanted}` };
  },
};

/** Its first `count` numbers: a pinned `3.11.4` is served by any 3.11. */
function sameAs(version: string, count: number): string {
  return version.replace(/^v/, '').split(/[.-]/).slice(0, count).filter((part) => /^\d+$/.test(part)).join('.');
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n').map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('#'));
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

/** The text at a path of names. */
function at(value: unknown, ...names: string[]): string | undefined {
  for (const name of names) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
