import { expect, test } from 'vitest';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import { builderLabels, fingerprintOf } from '../../../../src/controlplane/catalog/builder-image.ts';
import type { HostBuilder } from '../../../../src/controlplane/catalog/host-builder.ts';
import { hostBuilders } from '../../../../src/controlplane/catalog/host-builders.ts';
import { planBuilder } from '../../../../src/controlplane/catalog/publish-plan.ts';
import type { FoundToolchain } from '../../../../src/detect/search.ts';
import type { Toolchain } from '../../../../src/detect/toolchain.ts';

const nodejs = hostBuilders.find(({ name }) => name === 'nodejs') as HostBuilder;
const found: FoundToolchain = { version: '22.4.1', program: '/home/a/.nvm/v22/bin/node', hostPaths: ['/home/a/.nvm/v22'], programs: { npm: '/home/a/.nvm/v22/lib/node_modules/npm/bin/npm-cli.js' } };
const toolchain: Toolchain = { builder: 'nodejs', displayName: 'Node.js', found, others: [], rejected: [] };
const none = new Map<string, string>();
const latest = (fingerprint: string) => new Map([['22', fingerprint], ['latest', fingerprint]]);
const withImages = (stream: ImageStream): ImageStream => ({ ...stream, status: { dockerImageRepository: '', tags: (stream.spec.tags ?? []).map(({ name }) => ({ tag: name, items: [{ created: '', dockerImageReference: '', image: '', generation: 1 }] })) } });

test('a toolchain found is offered under its version and latest', () => {
  const plan = planBuilder(nodejs, toolchain, undefined, none);
  expect(plan.push.map(({ tags }) => tags)).toEqual([['22', 'latest']]);
  expect(plan.stream?.spec.tags?.map(({ name, annotations }) => [name, annotations?.['tags'], annotations?.['supports'], annotations?.['version']])).toEqual([['22', 'builder,nodejs', 'nodejs,nodejs:22', '22'], ['latest', 'builder,nodejs', 'nodejs,nodejs:22', '22']]);
});

test('published once; again when anything it stands on has changed', () => {
  const stream = withImages(planBuilder(nodejs, toolchain, undefined, none).stream as ImageStream);
  const fingerprint = fingerprintOf(nodejs, found);
  expect(planBuilder(nodejs, toolchain, stream, latest(fingerprint)).push).toEqual([]);
  expect(planBuilder(nodejs, toolchain, stream, latest('another')).push).toHaveLength(1);
  for (const change of [{ version: '22.4.2' }, { program: '/usr/bin/node' }, { hostPaths: [] }]) expect(fingerprintOf(nodejs, { ...found, ...change })).not.toBe(fingerprint);
  expect(fingerprintOf({ ...nodejs, scripts: { ...nodejs.scripts, run: 'x' } }, found)).not.toBe(fingerprint);
});

test('what is no longer on the machine is hidden, not deleted', () => {
  const stream = withImages(planBuilder(nodejs, toolchain, undefined, none).stream as ImageStream);
  const newer = planBuilder(nodejs, { ...toolchain, found: { ...found, version: '24.0.0' } }, stream, none);
  expect(newer.stream?.spec.tags?.map(({ name, annotations }) => `${name} ${annotations?.['tags']}`)).toEqual(['22 builder,nodejs,hidden', '24 builder,nodejs', 'latest builder,nodejs']);
  const gone = planBuilder(nodejs, { ...toolchain, found: undefined, others: [], missing: { why: 'node is not on the path' } } as unknown as Toolchain, stream, none);
  expect(gone.push).toEqual([]);
  expect(gone.stream?.spec.tags?.every(({ annotations }) => annotations?.['tags']?.endsWith(',hidden') && annotations['slipway.dev/unavailable'] === 'node is not on the path')).toBe(true);
  expect(planBuilder(nodejs, undefined, undefined, none)).toEqual({ push: [] });
});

test('more versions of a toolchain have tags of their own; one of the same tag is passed over', () => {
  const older = { ...found, version: '20.1.0', program: '/usr/bin/node' };
  const plan = planBuilder(nodejs, { ...toolchain, others: [{ ...found, version: '22.1.0' }, older] }, undefined, none);
  expect(plan.push.map(({ toolchain: { version }, tags }) => [version, tags])).toEqual([['20.1.0', ['20']], ['22.4.1', ['22', 'latest']]]);
  expect(plan.stream?.spec.tags?.map(({ name, annotations }) => [name, annotations?.['supports'], annotations?.['sampleRepo']])).toEqual([['20', 'nodejs,nodejs:20', 'https://github.com/sclorg/nodejs-ex.git'], ['22', 'nodejs,nodejs:22', expect.any(String)], ['latest', 'nodejs,nodejs:22', expect.any(String)]]);
});

test('labels tell builds where scripts are and runtimes what the root needs', () => {
  expect(builderLabels(nodejs, found)).toMatchObject({ 'io.openshift.s2i.scripts-url': 'image:///opt/s2i', 'slipway.dev/base': 'host', 'slipway.dev/host-paths': '["/home/a/.nvm/v22"]', 'slipway.dev/toolchain': '/home/a/.nvm/v22/bin/node 22.4.1' });
});
