import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

/** Which folders a folder may import from, besides itself. The longest matching prefix of a file's path is its zone. */
const kernel = ['src/base', 'src/api', 'src/oci', 'src/detect', 'src/protocol', 'src/client', 'src/controlplane/kernel'];
const zones: Record<string, readonly string[]> = {
  'src/base': [],
  'src/api': ['src/base'],
  'src/protocol': ['src/base', 'src/api'],
  'src/oci': ['src/base', 'src/api', 'src/protocol'],
  'src/detect': ['src/base', 'src/api', 'src/protocol'],
  'src/client': ['src/base', 'src/api', 'src/protocol', 'src/detect'],
  'src/controlplane/kernel': ['src/base', 'src/api', 'src/oci', 'src/detect', 'src/protocol', 'src/client'],
  'src/controlplane/project': kernel,
  'src/controlplane/build': kernel,
  // The programs of the built-in image `slipway/tools` are one bundle with one entry.
  'src/controlplane/build/tools': [...kernel, 'src/controlplane/build', 'src/controlplane/deployment/tools'],
  'src/controlplane/autoscale': kernel,
  'src/controlplane/image': kernel,
  'src/controlplane/deployment': kernel,
  'src/controlplane/pod': kernel,
  'src/controlplane/service': kernel,
  'src/controlplane/route': kernel,
  'src/controlplane/catalog': kernel,
  'src/controlplane': ['src', 'src/agent/holder', 'src/agent/network'],
  'src/agent': ['src/base', 'src/api', 'src/oci', 'src/detect', 'src/protocol', 'src/client'],
  'src/cli': ['src/base', 'src/api', 'src/oci', 'src/detect', 'src/protocol', 'src/client'],
  'src/extension': ['src/base', 'src/api', 'src/oci', 'src/detect', 'src/protocol', 'src/client'],
  'src/webviews': ['src/base', 'src/api', 'src/protocol'],
};

const files = sources('src');
const imports = new Map(files.map((file) => [file, importsOf(file)]));

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const inside = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return sources(inside);
    return entry.name.endsWith('.ts') ? [inside] : [];
  });
}

/** Type imports count: a cycle of types is a cycle of ideas. */
function importsOf(file: string): { to: string; text: string }[] {
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g)];
  return found.map((match) => match[1] ?? match[2] ?? match[3] ?? '').map((text) => ({ text, to: text.startsWith('.') ? path.posix.join(path.posix.dirname(file), text) : text }));
}

const zoneOf = (file: string) => Object.keys(zones).filter((zone) => file.startsWith(`${zone}/`)).sort((a, b) => b.length - a.length)[0];

describe('the folders', () => {
  test('import only downwards', () => {
    const wrong: string[] = [];
    for (const [file, list] of imports) {
      const zone = zoneOf(file);
      if (!zone) wrong.push(`${file} lies in no zone`);
      for (const { to } of list) {
        if (!to.startsWith('src/') || !zone || to.startsWith(`${zone}/`)) continue;
        if (!(zones[zone] ?? []).some((allowed) => to.startsWith(`${allowed}/`))) wrong.push(`${file} → ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('only the extension imports vscode, only the control plane and its store import node:sqlite', () => {
    const wrong = [...imports].flatMap(([file, list]) =>
      list.filter(({ text }) => (text === 'vscode' && !file.startsWith('src/extension/')) || (text === 'node:sqlite' && !file.startsWith('src/controlplane/'))).map(({ text }) => `${file} → ${text}`),
    );
    expect(wrong).toEqual([]);
  });

  test('base and api use no platform', () => {
    const wrong = files.filter((file) => /^src\/(base|api)\//.test(file)).flatMap((file) => (imports.get(file) ?? []).filter(({ text }) => text.startsWith('node:')).map(({ text }) => `${file} → ${text}`));
    expect(wrong).toEqual([]);
  });

  test('hold no import cycle', () => {
    const cycles = new Set<string>();
    const state = new Map<string, 'open' | 'done'>();
    const walk = (file: string, trail: string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.add([...trail.slice(trail.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const { to } of imports.get(file) ?? []) if (imports.has(to)) walk(to, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of files) walk(file, []);
    expect([...cycles]).toEqual([]);
  });

  test('name every import by a file that exists', () => {
    const wrong = [...imports].flatMap(([file, list]) =>
      list.filter(({ to }) => to.startsWith('src/') && !statSync(to, { throwIfNoEntry: false })?.isFile()).map(({ to }) => `${file} → ${to}`),
    );
    expect(wrong).toEqual([]);
  });
});
