/** Package servers in small for the languages whose packages Debian has: a Maven repository (Debian's own), a gem server, a Go module proxy and a Composer repository with one package each. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zipOf } from './package-index.ts';

export interface LanguageIndex {
  port: number;
  /** Paths asked for, in order. */
  requests: string[];
  /** Version of each gem. */
  gems: Record<string, string>;
  /** `go.sum` of a module that requires `example.com/words v1.0.0`. */
  goSum: string;
  close(): Promise<void>;
}

const mavenRepository = '/usr/share/maven-repo';
/** Debian holds gems unpacked, with what was compiled elsewhere; Bundler wants them packed. Without dependencies: who needs one names it. */
const packGems = `
require 'rubygems/package'; require 'fileutils'; require 'tmpdir'
out = ARGV.shift
ARGV.each do |name|
  from = Gem::Specification.find_by_name(name)
  Dir.mktmpdir do |dir|
    %w[lib bin].each { |part| FileUtils.cp_r("#{from.full_gem_path}/#{part}", dir) if File.directory?("#{from.full_gem_path}/#{part}") }
    FileUtils.cp_r("#{from.extension_dir}/.", "#{dir}/lib") if File.directory?(from.extension_dir)
    Dir.chdir(dir) do
      spec = Gem::Specification.new do |s|
        s.name = name; s.version = from.version; s.summary = name; s.authors = ['-']
        s.files = Dir['**/*'].select { |file| File.file?(file) }
        s.bindir = 'bin'; s.executables = Dir['bin/*'].map { |file| File.basename(file) }
      end
      Gem::Package.build(spec, true, false, "#{out}/#{spec.full_name}.gem")
    end
  end
end`;

export async function startLanguageIndex(gems: readonly string[]): Promise<LanguageIndex> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-gems-'));
  if (gems.length > 0) execFileSync('ruby', ['-e', packGems, folder, ...gems], { stdio: ['ignore', 'ignore', 'inherit'] });
  const packed = new Map(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file))]));
  rmSync(folder, { recursive: true });
  const module = goModule();
  const words = composerPackage();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    requests.push(url);
    const [, kind, ...rest] = url.split('/');
    const body = kind === 'maven' ? mavenFile(rest.join('/')) : kind === 'gems' ? gemFile(packed, rest) : kind === 'go' ? module.files.get(rest.join('/')) : kind === 'composer' ? composerFile(words, rest.join('/'), request.headers.host ?? '') : undefined;
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, requests, goSum: module.sum,
    gems: Object.fromEntries([...packed.keys()].map((file) => gemName(file))),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A file of Debian's repository, or the checksum of one. */
function mavenFile(name: string): Buffer | string | undefined {
  const file = path.join(mavenRepository, path.normalize(`/${name}`));
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return readFileSync(file);
  const of = file.replace(/\.sha1$/, '');
  return of !== file && statSync(of, { throwIfNoEntry: false })?.isFile() ? createHash('sha1').update(readFileSync(of)).digest('hex') : undefined;
}

/** Bundler's compact index (guides.rubygems.org, "Compact index API"). */
function gemFile(packed: ReadonlyMap<string, Buffer>, [kind = '', name = '']: string[]): Buffer | string | undefined {
  if (kind === 'gems') return packed.get(name);
  const infos = new Map([...packed].map(([file, content]) => {
    const [gem, version] = gemName(file);
    return [gem, { version, text: `---\n${version} |checksum:${createHash('sha256').update(content).digest('hex')}\n` }];
  }));
  if (kind === 'names') return `---\n${[...infos.keys()].join('\n')}\n`;
  if (kind === 'versions') return `created_at: 2024-01-01T00:00:00Z\n---\n${[...infos].map(([gem, { version, text }]) => `${gem} ${version} ${createHash('md5').update(text).digest('hex')}\n`).join('')}`;
  return kind === 'info' ? infos.get(name)?.text : undefined;
}

/** `example.com/words v1.0.0` with one function (go.dev/ref/mod, "GOPROXY protocol", "Verifying modules"). */
function goModule(): { files: Map<string, Buffer | string>; sum: string } {
  const mod = 'module example.com/words\n\ngo 1.18\n';
  const source = { 'go.mod': mod, 'words.go': 'package words\n\n// Greeting begins every answer.\nfunc Greeting() string { return "Good day" }\n' };
  const at = 'example.com/words@v1.0.0';
  const hash = (files: Record<string, string>) =>
    `h1:${createHash('sha256').update(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => `${createHash('sha256').update(text).digest('hex')}  ${name}\n`).join('')).digest('base64')}`;
  const inside = Object.fromEntries(Object.entries(source).map(([name, text]) => [`${at}/${name}`, text]));
  return {
    files: new Map<string, Buffer | string>([
      ['example.com/words/@v/list', 'v1.0.0\n'], ['example.com/words/@v/v1.0.0.info', '{"Version":"v1.0.0","Time":"2024-01-01T00:00:00Z"}'],
      ['example.com/words/@v/v1.0.0.mod', mod], ['example.com/words/@v/v1.0.0.zip', zipOf(inside)],
    ]),
    sum: `example.com/words v1.0.0 ${hash(inside)}\nexample.com/words v1.0.0/go.mod ${hash({ 'go.mod': mod })}\n`,
  };
}

/** `example/words` 1.0.0 with one function, as an archive. */
function composerPackage(): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-composer-'));
  try {
    writeFileSync(path.join(folder, 'words.php'), '<?php\nfunction greeting() { return "Good day"; }\n');
    return execFileSync('tar', ['-c', '-C', folder, 'words.php']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A repository that lists all it has in one file (getcomposer.org/doc/05-repositories.md, "packages"). */
function composerFile(archive: Buffer, name: string, host: string): Buffer | string | undefined {
  if (name === 'words.tar') return archive;
  if (name !== 'packages.json') return undefined;
  const dist = { type: 'tar', url: `http://${host}/composer/words.tar`, shasum: createHash('sha1').update(archive).digest('hex') };
  return JSON.stringify({ packages: { 'example/words': { '1.0.0': { name: 'example/words', version: '1.0.0', dist, autoload: { files: ['words.php'] } } } } });
}

/** `rack-2.2.22.gem` */
function gemName(file: string): [name: string, version: string] {
  const [, name = '', version = ''] = /^(.+)-([\d.]+)\.gem$/.exec(file) ?? [];
  return [name, version];
}
