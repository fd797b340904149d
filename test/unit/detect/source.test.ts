import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { detectSource } from '../../../src/detect/source.ts';

const made: string[] = [];
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))));

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-detect-'));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

test.each<[string, Record<string, string>, string[]]>([
  ['a Node manifest', { 'package.json': '{"scripts":{"start":"node ."}}' }, ['Node.js: package.json']],
  ['a broken manifest', { 'package.json': '{' }, ['Node.js: package.json']],
  ['Python requirements', { 'requirements.txt': '', 'app.py': '' }, ['Python: requirements.txt']],
  ['one Python file', { 'app.py': '' }, ['Python: app.py']],
  ['Django with assets built by npm', { 'requirements.txt': '', 'package.json': '{"scripts":{"build":"x"}}' }, ['Python: requirements.txt', 'Node.js: package.json']],
  ['a page', { 'index.html': '' }, ['Static site: index.html']],
  ['a page in public', { 'public/index.html': '' }, ['Static site: public/index.html']],
  ['a single-page application with its build', { 'package.json': '{"scripts":{"start":"x"}}', 'public/index.html': '' }, ['Node.js: package.json', 'Static site: public/index.html']],
  ['a Dockerfile beside a manifest', { Dockerfile: 'FROM x', 'go.mod': '' }, ['Go: go.mod', 'Dockerfile: Dockerfile']],
  ['a file by its ending', { 'Shop.csproj': '' }, ['.NET: Shop.csproj']],
  ['nothing known', { 'notes.md': '' }, []],
])('%s', async (_, files, reasons) => {
  expect((await detectSource(await folderOf(files))).map(({ reason }) => reason)).toEqual(reasons);
});

test('the port of a Dockerfile is the one it exposes', async () => {
  const folder = await folderOf({ Dockerfile: 'FROM x\nexpose 3000/tcp\n' });
  expect(await detectSource(folder)).toEqual([{ builder: 'docker', language: 'Dockerfile', reason: 'Dockerfile: Dockerfile', port: 3000, confidence: 0.5 }]);
});

test('a folder that cannot be read is an error', async () => {
  await expect(detectSource('/nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
});
