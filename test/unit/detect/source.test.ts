import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { detectSource } from '../../../src/detect/source.ts';
import { hintFits } from '../../../src/detect/version-hint.ts';
import { inRange } from '../../../src/detect/version-range.ts';

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

// The first block is the table of openshift/oc (its language detectors), file by file.
test.each<[string, string]>([
  ['Gemfile', 'Ruby'], ['Rakefile', 'Ruby'], ['config.ru', 'Ruby'], ['pom.xml', 'Java'], ['app.json', 'Node.js'], ['package.json', 'Node.js'], ['index.php', 'PHP'], ['composer.json', 'PHP'],
  ['requirements.txt', 'Python'], ['setup.py', 'Python'], ['index.pl', 'Perl'], ['cpanfile', 'Perl'], ['build.sbt', 'Scala'], ['project.json', '.NET'], ['Shop.csproj', '.NET'], ['main.go', 'Go'],
  ['Godeps', 'Go'], ['Cargo.toml', 'Rust'], ['Dockerfile', 'Dockerfile'],
  ['go.mod', 'Go'], ['build.gradle', 'Java'], ['build.gradle.kts', 'Java'], ['app.jar', 'Java'], ['pyproject.toml', 'Python'], ['Pipfile', 'Python'], ['app.py', 'Python'], ['Shop.fsproj', '.NET'],
  ['shop.runtimeconfig.json', '.NET'], ['app.psgi', 'Perl'], ['server.js', 'Node.js'], ['index.html', 'Static site'], ['public/index.html', 'Static site'], ['Containerfile', 'Dockerfile'],
])('%s is %s', async (file, language) => {
  expect((await detectSource(await folderOf({ [file]: '' }))).map(({ reason }) => reason)).toEqual([`${language}: ${file}`]);
});

test.each<[string, Record<string, string>, string[]]>([
  ['the first file of a language is the reason', { 'requirements.txt': '', 'app.py': '', 'setup.py': '' }, ['Python: requirements.txt']],
  ['a broken manifest', { 'package.json': '{' }, ['Node.js: package.json']],
  ['several languages, in the order of oc', { 'composer.json': '', 'package.json': '{"scripts":{"start":"x"}}', Gemfile: '', 'main.go': '' }, ['Ruby: Gemfile', 'Node.js: package.json', 'PHP: composer.json', 'Go: main.go']],
  ['a Dockerfile before all', { Dockerfile: 'FROM x', 'go.mod': '', 'index.html': '' }, ['Dockerfile: Dockerfile', 'Go: go.mod', 'Static site: index.html']],
  ['assets built by npm for Django', { 'requirements.txt': '', 'package.json': '{"scripts":{"build":"x"}}' }, ['Python: requirements.txt', 'Node.js: package.json']],
  ['a page built by npm', { 'package.json': '{"scripts":{"build":"x"}}', 'index.html': '' }, ['Node.js: package.json', 'Static site: index.html']],
  ['a single-page application with its build', { 'package.json': '{"scripts":{"start":"x"}}', 'public/index.html': '' }, ['Node.js: package.json', 'Static site: public/index.html']],
  ['nothing known', { 'notes.md': '' }, []],
])('%s', async (_, files, reasons) => {
  expect((await detectSource(await folderOf(files))).map(({ reason }) => reason)).toEqual(reasons);
});

test.each([['FROM x\nexpose 3000/tcp\n', 3000], ['FROM build AS a\nEXPOSE 9\nFROM x\nEXPOSE 8081 9000\n', 8081], ['FROM build AS a\nEXPOSE 7000\nFROM x\n', 7000], ['FROM x\n', 8080], ['EXPOSE 99999', 8080]])('the port of a Dockerfile is the one its last stage exposes: %j', async (text, port) => {
  const folder = await folderOf({ Dockerfile: text });
  expect(await detectSource(folder)).toEqual([{ builder: 'docker', language: 'Dockerfile', file: 'Dockerfile', reason: 'Dockerfile: Dockerfile', port }]);
});

test.each<[string, Record<string, string>, string, string, { yes: string[]; no: string[] }]>([
  ['nodejs', { 'package.json': '{"engines":{"node":">=18 <21 || ^22.1"}}', '.nvmrc': '16' }, '>=18 <21 || ^22.1', 'engines.node of package.json', { yes: ['18.0.0', '20.9.1', '22.4.0'], no: ['16.1.0', '21.0.0', '22.0.9', '23.0.0'] }],
  ['nodejs', { 'package.json': '{}', '.nvmrc': '# use\nv20.1.0\n' }, 'v20.1.0', '.nvmrc', { yes: ['20.9.9'], no: ['22.0.0'] }],
  ['nodejs', { 'package.json': '{}', '.nvmrc': 'lts/*' }, 'lts/*', '.nvmrc', { yes: ['16.0.0', '99.0.0'], no: [] }],
  ['python', { 'app.py': '', '.python-version': '3.11.4\n' }, '3.11.4', '.python-version', { yes: ['3.11.2'], no: ['3.12.0', '3.1.1'] }],
  ['python', { 'app.py': '', 'runtime.txt': 'python-3.9.x' }, '3.9.x', 'runtime.txt', { yes: ['3.9.18'], no: ['3.10.0'] }],
  ['python', { 'pyproject.toml': '[project]\nrequires-python = ">=3.9,!=3.10.*,<4"\n' }, '>=3.9,!=3.10.*,<4', 'requires-python of pyproject.toml', { yes: ['3.9.0', '3.11.2'], no: ['3.8.18', '3.10.13', '4.0.0'] }],
  ['golang', { 'go.mod': 'module x\n\ngo 1.21\n\ntoolchain go1.22.3\n' }, '1.22.3', 'go.mod', { yes: ['1.22.3', '1.23.0'], no: ['1.19.8', '1.22.2'] }],
  ['golang', { 'go.mod': 'module x\ngo 1.18\n' }, '1.18', 'go.mod', { yes: ['1.18.0', '1.19.8'], no: ['1.17.13'] }],
  ['ruby', { Gemfile: "source 'x'\nruby '~> 3.1.2'\n" }, '~> 3.1.2', 'the Gemfile', { yes: ['3.1.7'], no: ['3.1.1', '3.2.0'] }],
  ['ruby', { Gemfile: '', '.ruby-version': 'ruby-3.2.1' }, '3.2.1', '.ruby-version', { yes: ['3.2.9'], no: ['3.1.7'] }],
  ['java', { 'pom.xml': '<project><properties><maven.compiler.release>17</maven.compiler.release></properties></project>' }, '17', 'maven.compiler.release of pom.xml', { yes: ['17.0.15', '21.0.1'], no: ['11.0.2'] }],
  ['java', { 'pom.xml': '<java.version>1.8</java.version>' }, '8', 'java.version of pom.xml', { yes: ['8.0.392', '17.0.1'], no: [] }],
  ['java', { 'build.gradle.kts': 'java { toolchain { languageVersion.set(JavaLanguageVersion.of(21)) } }' }, '21', 'build.gradle.kts', { yes: ['21.0.1'], no: ['17.0.15'] }],
  ['dotnet', { 'a.csproj': '', 'global.json': '{"sdk":{"version":"8.0.100"}}' }, '8.0.100', 'global.json', { yes: ['8.0.100', '8.0.404'], no: ['9.0.100', '8.0.99'] }],
  ['dotnet', { 'a.csproj': '<TargetFramework>net8.0</TargetFramework>' }, '8.0', 'a.csproj', { yes: ['8.0.100', '9.0.100'], no: ['6.0.400'] }],
  ['php', { 'composer.json': '{"require":{"php":"^7.4 | ~8.1"}}' }, '^7.4 | ~8.1', 'composer.json', { yes: ['7.4.1', '8.1.20'], no: ['7.3.0', '8.2.36'] }],
  ['perl', { cpanfile: "requires 'perl', '5.026001';" }, '5.026001', 'cpanfile', { yes: ['5.36.0', '5.26.1'], no: ['5.24.4'] }],
])('%s asks for a version: %j', async (builder, files, wanted, from, { yes, no }) => {
  const detection = (await detectSource(await folderOf(files))).find((one) => one.builder === builder);
  expect(detection?.version).toMatchObject({ wanted, from });
  expect([...yes, ...no].filter((version) => hintFits(detection?.version, version))).toEqual(yes);
});

test.each([['1.2.3', '^0.2.3', false], ['0.2.9', '^0.2.3', true], ['0.3.0', '^0.2.3', false], ['1.9.0', '1 - 2', true], ['2.9.9', '1 - 2', true], ['3.0.0', '1 - 2', false], ['3.1.4', '>3.1', false], ['3.2.0', '>3.1', true], ['3.11.1', '~=3.9', true], ['4.0.0', '~=3.9', false], ['20.0.0', '>= 18', true], ['5.0.0', '*', true], ['5.0.0', '', true], ['5.0.0', 'iron', undefined], ['5.1.0', 'iron || 5.x', true]])('%s in %j: %s', (version, range, expected) => {
  expect(inRange(version, range)).toBe(expected);
});

test('a folder that cannot be read is an error', async () => {
  await expect(detectSource('/nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
});
