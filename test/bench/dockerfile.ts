/**
 * One Dockerfile of two stages, from its context to the image in a registry: cold, and again with what the first build kept. Beside buildah (Debian), which runs as root here
 * and we do not; both pull from and push to the same registry. `node test/bench/dockerfile.ts [times, default 3]`
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { busyboxName, dockerMachine, type Files } from '../support/build/dockerfile-machine.ts';
import { measured, median, printTable, type Row } from './table.ts';

const filesInContext = 300;

function contextFiles(): Files {
  const files: Files = {};
  for (let index = 0; index < filesInContext; index += 1) files[`src/${index % 10}/${index}.txt`] = `${index} `.repeat(2000);
  return files;
}

const dockerfile = (base: string) => `FROM ${base} AS build
WORKDIR /src
COPY src .
RUN cat */*.txt > all
RUN sort -u all > sorted && rm all
RUN wc -c sorted > size
FROM ${base}
RUN mkdir -p /srv/www
COPY --from=build /src /srv/www
RUN echo done > /srv/state
CMD ["httpd", "-f", "-h", "/srv/www"]
`;

export async function benchDockerfile(times = 3): Promise<Row[]> {
  const docker = await dockerMachine();
  const scratch = mkdtempSync(path.join(tmpdir(), 'bench-buildah-'));
  try {
    const files = contextFiles();
    const ours: { cold: number[]; cached: number[] } = { cold: [], cached: [] };
    for (let round = 0; round < times; round += 1) {
      for (const kind of ['cold', 'cached'] as const) {
        const done = await docker.build({ dockerfile: dockerfile(busyboxName), files, ...(kind === 'cold' && { cold: true }) });
        if (done.code !== 0) throw new Error(done.log);
        // The first cached one fills the cache.
        if (kind === 'cached' && round === 0) await docker.build({ dockerfile: dockerfile(busyboxName), files }).then(({ milliseconds }) => ours.cached.push(milliseconds));
        else ours[kind].push(done.milliseconds);
      }
    }
    const theirs = await buildah(scratch, files, `127.0.0.1:${docker.machine.registry.port}`, times);
    const seconds = (values: readonly number[] | undefined) => (values?.length ? median(values) / 1000 : undefined);
    console.log(`  ours: cold ${ours.cold.map(Math.round).join(', ')} ms, cached ${ours.cached.map(Math.round).join(', ')} ms; buildah: cold ${theirs?.cold.map(Math.round).join(', ')} ms, cached ${theirs?.cached.map(Math.round).join(', ')} ms`);
    return [
      { what: 'Dockerfile to registry, cold', value: median(ours.cold) / 1000, unit: 's', better: 'less', peer: measured('buildah chroot, overlay', seconds(theirs?.cold), 'buildah'), least: { times: 1 } },
      { what: 'Dockerfile to registry, nothing changed', value: median(ours.cached) / 1000, unit: 's', better: 'less', peer: measured('buildah --layers', seconds(theirs?.cached), 'buildah'), least: { times: 1 } },
    ];
  } finally {
    await docker.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function buildah(scratch: string, files: Files, registry: string, times: number): Promise<{ cold: number[]; cached: number[] } | undefined> {
  if (spawnSync('buildah', ['--version']).status !== 0) return undefined;
  const context = path.join(scratch, 'context');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(context, name)), { recursive: true });
    writeFileSync(path.join(context, name), text as string);
  }
  writeFileSync(path.join(context, 'Dockerfile'), dockerfile(`${registry}/base/busybox:latest`));
  const policy = path.join(scratch, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const took: { cold: number[]; cached: number[] } = { cold: [], cached: [] };
  for (let round = 0; round < times; round += 1) {
    const storage = path.join(scratch, `storage-${round}`);
    const common = ['--root', path.join(storage, 'root'), '--runroot', path.join(storage, 'run'), '--storage-driver', 'overlay'];
    const run = async (...args: string[]) => {
      const { code, text } = await ended('buildah', [...common, ...args], context);
      if (code !== 0) throw new Error(`buildah ${args.join(' ')}: ${text}`);
    };
    for (const kind of ['cold', 'cached'] as const) {
      const began = performance.now();
      await run('build', '--isolation', 'chroot', '--layers', '--tls-verify=false', '--creds', 'x:admin', '--signature-policy', policy, '-t', 'bench', '.');
      await run('push', '--tls-verify=false', '--creds', 'x:admin', '--signature-policy', policy, 'bench', `docker://${registry}/demo/by-buildah:latest`);
      took[kind].push(performance.now() - began);
    }
    await ended('umount', ['-l', path.join(storage, 'root/overlay')], '/');
  }
  return took;
}

/** Never waited for by blocking: the registry that it talks to is in this process. */
function ended(program: string, args: readonly string[], cwd: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text = (text + more).slice(-4000)));
    child.once('error', reject);
    child.once('exit', (code) => resolve({ code: code ?? 1, text }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await benchDockerfile(Number(process.argv[2] ?? 3)));
