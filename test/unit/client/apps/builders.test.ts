import { expect, test } from 'vitest';
import { planApp, type AppOptions } from '../../../../src/client/apps/app-plan.ts';
import { findBuilder, fittingVersion, versionFits, type Builder } from '../../../../src/client/apps/builders.ts';
import { hintFits } from '../../../../src/detect/version-hint.ts';

const app: AppOptions = { name: 'web', namespace: 'shop', source: { type: 'folder', folder: '/src' }, builder: 'nodejs:22', port: 8080, route: false };
const strategyOf = (more: Partial<AppOptions>) => planApp({ ...app, ...more }).buildConfig.spec;

test('a builder is a Source strategy that follows its tag; a Dockerfile a Docker strategy that follows nothing', () => {
  expect(strategyOf({})).toMatchObject({ strategy: { type: 'Source', sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'nodejs:22' } } }, triggers: [{ type: 'ImageChange' }] });
  expect(strategyOf({ builder: 'shop/notes' }).strategy.sourceStrategy?.from).toEqual({ kind: 'ImageStreamTag', namespace: 'shop', name: 'notes:latest' });
  expect(strategyOf({ builder: { dockerfile: 'Dockerfile' }, env: [{ name: 'A', value: 'b' }] })).toMatchObject({ strategy: { type: 'Docker', dockerStrategy: { env: [{ name: 'A', value: 'b' }] } }, triggers: [] });
  expect(strategyOf({ builder: { dockerfile: 'Containerfile' }, source: { type: 'git', uri: 'https://x/y.git' } })).toMatchObject({ strategy: { dockerStrategy: { dockerfilePath: 'Containerfile' } }, triggers: [{ type: 'ConfigChange' }] });
});

const builder = (reference: string, version: string, exactVersion?: string, supports: string[] = []): Builder => ({ reference, stream: reference.replace(/^.*\//, '').split(':')[0] ?? '', tag: reference.split(':')[1] ?? '', displayName: '', description: '', version, exactVersion, supports });
const all = [builder('java:17', '17', '17.0.15'), builder('java:25', '25', '25.0.3'), builder('java:9', '9', '9.0.1'), builder('java:latest', '17', '17.0.15', ['java', 'jee']), builder('shop/java:latest', '30'), builder('words:latest', '1', undefined, ['scala:2', 'java'])];
const [, newer, , latest] = all as [Builder, Builder, Builder, Builder];

test.each([['>=11', latest], ['>=20', newer], ['>=99', latest], ['17.0.15', latest]])('of several versions the one that fits %s', (range, expected) => {
  expect(fittingVersion(all, latest, (version) => hintFits({ wanted: range, from: 'pom.xml', range }, version))).toBe(expected);
});

test('an image that tells 20 may be any 20', () => {
  const fits = (range: string) => versionFits(builder('nodejs:20', '20'), (version) => hintFits({ wanted: range, from: '', range }, version));
  expect([fits('>=20.9'), fits('<20'), fits('^20.1'), fits('>=22')]).toEqual([true, false, true, false]);
});

test('a builder by its tag, its stream, the language it supports', () => {
  expect(['java:25', 'java', 'scala', 'jee', 'nothing'].map((name) => findBuilder(all, name)?.reference)).toEqual(['java:25', 'java:latest', 'words:latest', 'java:latest', undefined]);
});
