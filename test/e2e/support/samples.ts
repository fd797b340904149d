/** Sources for the story: the samples as folders and as Git repositories, told where to fetch their packages. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPackageIndex } from '../../support/build/package-index.ts';
import { startGitServer } from '../../support/platform/git-server.ts';

export interface Samples {
  /** Folder of a sample of that name. */
  folder(name: SampleName): string;
  /** URL of a repository of it, as pods and, by `environment`, this machine see it. */
  git(name: SampleName): string;
  /** For whoever runs git on this machine. */
  environment: Record<string, string>;
  close(): Promise<void>;
}

export type SampleName = 'node-hello' | 'python-hello' | 'broken-node' | 'slow-node';

/** This machine, by the name it has in pods. */
const host = 'host.slipway.internal';

export async function prepareSamples(): Promise<Samples> {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-story-')));
  const index = await startPackageIndex(['node_modules/ms'], { host: '127.0.0.1' });
  const git = await startGitServer();
  const seen = (url: string) => url.replace('127.0.0.1', host);
  const lock = { name: 'node-hello', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'node-hello', version: '1.0.0', dependencies: { ms: '2.1.3' } }, 'node_modules/ms': { version: '2.1.3' } } };
  const slow = { name: 'slow-node', version: '1.0.0', private: true, scripts: { build: 'node -e "console.log(\'taking my time\'); setTimeout(() => {}, 120000)"', start: 'node server.js' } };
  const laidOver: Record<SampleName, Record<string, string>> = {
    'node-hello': { 'package-lock.json': JSON.stringify(lock), '.s2i/environment': `NPM_MIRROR=${seen(index.npm)}\n` },
    'python-hello': { '.s2i/environment': `PIP_INDEX_URL=${seen(index.pip)}\nPIP_TRUSTED_HOST=${host}\n` },
    'broken-node': {},
    'slow-node': { 'package.json': JSON.stringify(slow) },
  };
  const fixture = (name: SampleName) => path.join('test/fixtures/apps', name === 'slow-node' ? 'broken-node' : name);
  const made = new Set<string>();
  return {
    folder(name) {
      const folder = path.join(root, name);
      cpSync(fixture(name), folder, { recursive: true });
      for (const [file, text] of Object.entries(laidOver[name])) {
        mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        writeFileSync(path.join(folder, file), text);
      }
      return folder;
    },
    git(name) {
      if (!made.has(name)) git.repository(name, fixture(name), laidOver[name]);
      made.add(name);
      return seen(git.local(name));
    },
    environment: { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: `url.http://127.0.0.1:${git.port}/.insteadOf`, GIT_CONFIG_VALUE_0: `http://${host}:${git.port}/` },
    async close() {
      await git.close();
      await index.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
