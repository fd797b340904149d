/** A build that is cancelled or killed, in whatever phase, leaves no process, mount, upload or folder. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConfigs, builds, type Build, type BuildConfig, type CommonBuildSpec } from '../../../src/api/kinds/build.ts';
import { imageStreams, type ImageStream } from '../../../src/api/kinds/image.ts';
import { startBinaryBuild } from '../../../src/client/apps/create-app.ts';
import type { Connection } from '../../../src/client/connection.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import type { RunInfo } from '../../../src/protocol/daemon.ts';
import { stepsAnnotation, type BuildStep, type StepProgress } from '../../../src/protocol/build-progress.ts';
import { eventually, Platform } from '../../support/platform/platform.ts';
import { familyOf, processesNaming } from '../../support/platform/processes.ts';
import { zipOf } from '../../support/build/package-index.ts';
import { pushShaped } from '../../support/build/shaped-image.ts';

const namespace = 'default';
const shell = '#!/bin/sh\n';
/** Takes seconds to unpack, to pack and to push: long enough to be met in the middle. */
const large = 'head -c 100000000 /dev/urandom > /opt/app-root/src/large';

interface Phase {
  /** Running when the blow falls. */
  step: BuildStep;
  assemble: string;
  /** Command that runs then, if the step alone does not tell. */
  running?: string;
  /** Commands of a Dockerfile instead of assemble. */
  dockerfile?: string;
  spec?: Partial<CommonBuildSpec>;
}
const dockerStrategy = { spec: { strategy: { dockerStrategy: {} } } };
const phases: Record<string, Phase> = {
  fetching: { step: 'SourceFetched', assemble: '' },
  pulling: { step: 'BuilderStarted', assemble: 'true', spec: { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'large:latest' } } } } },
  assembling: { step: 'Assemble', assemble: 'sleep 611 & sleep 612' },
  committing: { step: 'ImageCommitted', assemble: large },
  'in the hook': { step: 'ImageCommitted', assemble: 'true', running: 'sleep 613', spec: { postCommit: { script: 'sleep 613' } } },
  'running a command of a Dockerfile': { step: 'Dockerfile', assemble: '', dockerfile: 'RUN head -c 20000000 /dev/urandom > /large\nRUN sleep 614 & sleep 615', running: 'sleep 615', ...dockerStrategy },
  pushing: { step: 'ImagePushed', assemble: large },
};

describe('builds that end before their time', () => {
  let platform: Platform;
  let connection: Connection;
  let silent: http.Server;

  beforeAll(async () => {
    platform = new Platform();
    await platform.up(['--runtime', 'sandbox']);
    connection = await platform.connection();
    // A Git server that takes requests and never answers.
    silent = http.createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    await eventually('builders are there', async () => ((await platform.kubectl(['get', 'imagestreamtag', 'static:latest', '-n', 'openshift'])).code === 0 ? true : undefined), 60_000);
    const token = (await platform.kube('create', 'token', 'builder', '-n', namespace)).trim();
    const registry = registryClient({ baseUrl: `https://${(await platform.status()).registry ?? ''}`, ca: readFileSync(path.join(platform.home, 'pki/ca.crt'), 'utf8'), auth: { username: 'builder', password: token } });
    // So many that unpacking takes seconds on a fast machine, too.
    const heavy = Object.fromEntries(Array.from({ length: 16_000 }, (_, at) => [`usr/share/${at % 50}/${at}`, `${at}`]));
    for (const name of ['large', 'large-agent', 'large-plane']) await pushShaped(registry, `${namespace}/${name}`, { files: { ...heavy, 'usr/share/name': name }, labels: { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i' } });
    registry.close();
  });
  afterAll(async () => {
    silent?.closeAllConnections();
    silent?.close();
    await connection?.dispose();
    await platform?.dispose();
  });

  const client = () => connection.client;
  const begin = async (name: string, { assemble, dockerfile, spec }: Phase, fetching: boolean): Promise<string> => {
    const source: CommonBuildSpec['source'] = fetching ? { git: { uri: `http://host.slipway.internal:${(silent.address() as AddressInfo).port}/app.git` } } : { binary: {} };
    const config: BuildConfig = {
      apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name, namespace },
      spec: { source, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'static:latest' } } }, output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } }, ...spec },
    };
    await client().create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} } as ImageStream, { namespace });
    await client().create(buildConfigs, config, { namespace });
    if (fetching) await client().create(buildConfigs, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name } } as never, { namespace, name, subresource: 'instantiate' });
    else {
      const files: Record<string, string> = dockerfile === undefined ? { 'index.html': 'x', '.s2i/bin/assemble': shell + assemble, '.s2i/bin/run': shell } : { Dockerfile: `FROM docker-registry.default.svc:5000/openshift/static:latest\nUSER 0\n${dockerfile}\n` };
      await startBinaryBuild((to, body) => client().raw('POST', to, body), namespace, name, Readable.from(zipOf(files)));
    }
    return `${name}-1`;
  };
  const get = (name: string) => client().get<Build>(builds, { namespace, name });
  const stepsOf = (build: Build) => JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[];
  const reaches = (name: string, phase: string, { step, running }: Phase) => eventually(`${name} is ${phase}`, async () => {
    const build = await get(name);
    if (['Complete', 'Failed', 'Error'].includes(build.status.phase)) throw new Error(`it ended: ${JSON.stringify(build.status)}`);
    const at = stepsOf(build).find((one) => one.step === step);
    if (running !== undefined) return at && processesNaming(running).length > 0 ? true : undefined;
    return at?.state === 'running' ? true : undefined;
  }, 60_000);
  const ends = (name: string) => eventually(`${name} ends`, async () => {
    const build = await get(name);
    return ['Complete', 'Failed', 'Error', 'Cancelled'].includes(build.status.phase) ? build : undefined;
  }, 60_000);
  const runInfo = () => JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
  const holder = () => (JSON.parse(readFileSync(path.join(runInfo().runDirectory, 'holder.json'), 'utf8')) as { init: { pid: number } }).init.pid;
  /** Every process of the platform: children of its init, of its programs, and of shims, which name the home. */
  const everybody = () => familyOf([holder(), runInfo().pid, ...processesNaming(platform.home).map(({ pid }) => pid)]);
  /** Of the node and below; each line a thing that should not be there. */
  const leftovers = () => {
    const build = path.join(platform.home, 'nodes', 'node-1');
    const folders = execFileSync('find', [build, '-maxdepth', '4', '-path', '*/build/*', '-prune', '-not', '-name', 'cache', '-print'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').filter(Boolean);
    const cached = execFileSync('find', [build, '-maxdepth', '6', '-path', '*/build/cache/*', '-name', 'new-*'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').filter(Boolean);
    const uploads = existsSync(path.join(platform.home, 'registry/uploads')) ? readdirSync(path.join(platform.home, 'registry/uploads')) : [];
    const inputs = existsSync(path.join(platform.home, 'cache/builds')) ? readdirSync(path.join(platform.home, 'cache/builds')) : [];
    const family = everybody();
    const processes = family.filter(({ command }) => /tools\.js build|sleep 61\d|\bflock\b|\/build\/|git (?:clone|remote)|index-pack/.test(command)).map(({ command }) => command.slice(0, 120));
    const mounts = new Set(family.flatMap(({ pid }) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').filter((line) => line.includes('/build/')).map((line) => line.split(' ')[4] ?? '');
      } catch {
        return [];
      }
    }));
    return [...folders, ...cached, ...uploads.map((name) => `upload ${name}`), ...inputs.map((name) => `input ${name}`), ...processes.map((command) => `process ${command}`), ...[...mounts].map((mount) => `mount ${mount}`)];
  };
  const nothingLeft = () => eventually('nothing is left', async () => {
    const left = leftovers();
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
  const builder = () => everybody().filter(({ command }) => /\/opt\/slipway\/bin\/node \S+tools\.js build/.test(command)).map(({ pid }) => pid);
  const forget = (name: string) => client().delete(buildConfigs, { namespace, name });

  test.each(Object.entries(phases))('cancelled while %s', async (phase, how) => {
    const name = `cancel-${how.step.toLowerCase()}${phase === 'in the hook' ? '-hook' : ''}`;
    const build = await begin(name, how, phase === 'fetching');
    await reaches(build, phase, how);
    await client().patch(builds, { namespace, name: build }, 'merge', { status: { cancelled: true } });
    expect((await ends(build)).status).toMatchObject({ phase: 'Cancelled', reason: 'CancelledBuild' });
    await nothingLeft();
    expect((await client().get<ImageStream>(imageStreams, { namespace, name })).status?.tags ?? []).toEqual([]);
    await forget(name);
  });

  test.each(Object.entries(phases))('its builder killed while %s', async (phase, how) => {
    const name = `kill-${how.step.toLowerCase()}${phase === 'in the hook' ? '-hook' : ''}`;
    const build = await begin(name, how, phase === 'fetching');
    await reaches(build, phase, how);
    const pids = builder();
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    expect((await ends(build)).status).toMatchObject({ phase: 'Failed', reason: 'GenericBuildFailed' });
    await nothingLeft();
    await forget(name);
  });

  /** Phases of builds that come to their end if nobody hinders them: each unpacks an image of its own, which no build before has left in the cache. */
  const survivors = (who: string): [string, Phase][] => Object.entries({
    pulling: { ...phases.pulling!, spec: { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: `large-${who}:latest` } } } } },
    assembling: { ...phases.assembling!, assemble: 'sleep 3' },
    committing: phases.committing!,
    'in the hook': { ...phases['in the hook']!, spec: { postCommit: { script: 'sleep 613 & sleep 3; kill $!' } } },
    'running a command of a Dockerfile': { ...phases['running a command of a Dockerfile']!, dockerfile: `RUN echo ${who} > /who; sleep 615 & sleep 3; kill $!` },
    pushing: phases.pushing!,
  });

  test.each(survivors('agent'))('the agent killed while %s: the build goes on', async (phase, how) => {
    const name = `agent-${phase.replaceAll(' ', '-').toLowerCase()}`;
    const build = await begin(name, how, false);
    await reaches(build, phase, how);
    const agent = processesNaming(path.join(platform.home, 'versions')).find(({ command }) => /agent\.js/.test(command) && !/^nsenter/.test(command));
    process.kill(agent?.pid ?? 0, 'SIGKILL');
    expect((await ends(build)).status).toMatchObject({ phase: 'Complete' });
    await nothingLeft();
    await forget(name);
  });

  /** The registry goes with it. */
  const withoutRegistry: Partial<Record<string, string>> = { pulling: 'PullBuilderImageFailed', pushing: 'PushImageToRegistryFailed' };
  test.each(survivors('plane'))('the control plane killed while %s: the next one sees it to its end', async (phase, how) => {
    const name = `plane-${phase.replaceAll(' ', '-').toLowerCase()}`;
    const build = await begin(name, how, false);
    await reaches(build, phase, how);
    process.kill(runInfo().pid, 'SIGKILL');
    await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
    await platform.up(['--runtime', 'sandbox']);
    await connection.dispose();
    connection = await platform.connection();
    const { status } = await ends(build);
    if (status.phase === 'Failed') expect(status.reason).toBe(withoutRegistry[phase] ?? 'PushImageToRegistryFailed');
    else expect(status.phase).toBe('Complete');
    await nothingLeft();
    await forget(name);
  });

  test('leases that killed builds had on layers go when another build ends', async () => {
    const name = 'tidy';
    await ends(await begin(name, { step: 'Dockerfile', assemble: '', dockerfile: 'RUN echo tidy > /tidy', ...dockerStrategy }, false));
    expect((await get(`${name}-1`)).status.phase).toBe('Complete');
    const leases = () => execFileSync('find', [path.join(platform.home, 'nodes', 'node-1'), '-path', '*/dockerfile/leases/*', '-type', 'd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    await eventually('no lease is left', async () => (leases() === '' ? true : undefined));
    await nothingLeft();
  });
});
