/** Webhooks as providers send them: over HTTPS, without credentials. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Build } from '../../../src/api/kinds/build.ts';
import { secrets } from '../../../src/api/kinds/core.ts';
import type { Status } from '../../../src/api/status.ts';
import { namespace, startConfigPlatform, type ConfigPlatform } from '../../support/build/config-platform.ts';

const head = '6113728f27ae82c7b1a177c8d03f9e96e0adf246';
const payload = (name: string) => readFileSync(join('test/fixtures/webhooks', name));

describe('webhooks', () => {
  let platform: ConfigPlatform;
  const hidden = { github: 'Gh+1/secret', gitlab: 'gl-secret', bitbucket: 'bb-secret', generic: 'ge-secret', referred: 'kept-in-a-secret' };
  const path = (config: string, secret: string, type: string) => `/apis/build.openshift.io/v1/namespaces/${namespace}/buildconfigs/${config}/webhooks/${encodeURIComponent(secret)}/${type}`;
  const post = (config: string, secret: string, type: string, headers: Record<string, string> = {}, body?: Buffer | string) => platform.send('POST', path(config, secret, type), { headers, ...(body !== undefined && { body }) });
  const json = { 'content-type': 'application/json' };
  let number = 0;

  beforeAll(async () => {
    platform = await startConfigPlatform();
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hook', namespace }, data: { WebHookSecretKey: Buffer.from(hidden.referred).toString('base64') } } as never, { namespace });
    await platform.makeConfig('web', {
      source: { git: { uri: 'https://git.example.org/demo/web.git' } },
      runPolicy: 'Parallel',
      triggers: [
        { type: 'GitHub', github: { secret: hidden.github } }, { type: 'GitLab', gitlab: { secret: hidden.gitlab } }, { type: 'Bitbucket', bitbucket: { secret: hidden.bitbucket } },
        { type: 'Generic', generic: { secret: hidden.generic } }, { type: 'Generic', generic: { secretReference: { name: 'hook' }, allowEnv: true } }, { type: 'Generic', generic: { secretReference: { name: 'missing' } } },
      ],
    });
    await platform.makeConfig('docker', { strategy: { dockerStrategy: { buildArgs: [{ name: 'VERSION', value: '1' }, { name: 'KEPT', value: 'x' }] } }, triggers: [{ type: 'Generic', generic: { secret: hidden.generic } }] });
    await platform.makeConfig('quiet');
  });
  afterAll(() => platform.close());

  test.each<[string, keyof typeof hidden, string, Record<string, string>, string, object, string]>([
    ['GitHub', 'github', 'github', { 'X-GitHub-Event': 'push', 'User-Agent': 'GitHub-Hookshot/044aadd' }, 'github-push.json', { githubWebHook: { secret: '<secret>', revision: { git: { commit: head } } } }, 'GitHub WebHook'],
    ['Gogs', 'github', 'github', { 'X-Gogs-Event': 'push' }, 'gogs-push.json', { githubWebHook: { secret: '<secret>' } }, 'GitHub WebHook'],
    ['GitLab', 'gitlab', 'gitlab', { 'X-Gitlab-Event': 'Push Hook' }, 'gitlab-push.json', { gitlabWebHook: { revision: { git: { message: 'Fix the readme\n\nIt lied.' } } } }, 'GitLab WebHook'],
    ['Bitbucket', 'bitbucket', 'bitbucket', { 'X-Event-Key': 'repo:push' }, 'bitbucket-push.json', { bitbucketWebHook: { revision: { git: { author: { name: 'Ada Lovelace' } } } } }, 'Bitbucket WebHook'],
    ['Bitbucket Server', 'bitbucket', 'bitbucket', { 'X-Event-Key': 'repo:refs_changed' }, 'bitbucket-server-refs-changed.json', { bitbucketWebHook: {} }, 'Bitbucket WebHook'],
    ['generic', 'generic', 'generic', {}, 'generic.json', { genericWebHook: {} }, 'Generic WebHook'],
    ['generic, its secret kept in a Secret', 'referred', 'generic', {}, 'generic-refs.json', { genericWebHook: {} }, 'Generic WebHook'],
  ])('%s: the push is built, with its commit and cause', async (_, secret, type, headers, file, cause, message) => {
    const { status, body } = await post('web', hidden[secret], type, { ...json, ...headers }, payload(file));
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'Build', metadata: { name: `web-${++number}` }, spec: { revision: { type: 'Git', git: { commit: head } }, triggeredBy: [{ message, ...cause }] } });
    expect((await platform.build(`web-${number}`)).spec.triggeredBy).toHaveLength(1);
  });

  test('generic: an empty body, variables where they are allowed, a warning for what cannot be read', async () => {
    expect(await post('web', hidden.generic, 'generic')).toMatchObject({ status: 200, body: { metadata: { name: `web-${++number}` } } });
    const kept = (await post('web', hidden.generic, 'generic', json, payload('generic.json'))).body as Build;
    expect(kept.spec.strategy.sourceStrategy?.env).toBeUndefined();
    number++;
    const allowed = (await post('web', hidden.referred, 'generic', { 'content-type': 'application/yaml' }, payload('generic.yaml'))).body as Build;
    expect(allowed.spec.strategy.sourceStrategy?.env).toEqual([{ name: 'FROM_HOOK', value: 'yes' }]);
    number++;
    const warned = await post('web', hidden.generic, 'generic', { 'content-type': 'text/plain' }, 'anything');
    expect(warned).toMatchObject({ status: 200, body: { kind: 'Build', metadata: { name: `web-${++number}` } }, headers: { warning: '299 - "invalid Content-Type on payload, ignoring payload and continuing with build"' } });
    const docker = (await post('docker', hidden.generic, 'generic', json, payload('generic-docker.json'))).body as Build;
    expect(await post('web', hidden.generic, 'generic', json, payload('generic-docker.json'))).toMatchObject({ status: 400, body: { message: `Cannot specify Docker build specific options on ${namespace}/web, not a Docker build.` } });
    expect(docker.spec.strategy.dockerStrategy).toMatchObject({ noCache: true, buildArgs: [{ name: 'KEPT', value: 'x' }, { name: 'VERSION', value: '2' }] });
  });

  test.each<[string, keyof typeof hidden, string, Record<string, string>, string, RegExp]>([
    ['a ping', 'github', 'github', { 'X-GitHub-Event': 'ping' }, 'github-ping.json', /pong/],
    ['another branch', 'github', 'github', { 'X-GitHub-Event': 'push' }, 'github-push-tag.json', /does not match configuration/],
    ['a deleted branch', 'gitlab', 'gitlab', { 'X-Gitlab-Event': 'Push Hook' }, 'gitlab-push-deleted.json', /was deleted/],
  ])('%s: 200, a text, no build', async (_, secret, type, headers, file, text) => {
    const { status, body } = await post('web', hidden[secret], type, { ...json, ...headers }, payload(file));
    expect([status, (body as Status).status]).toEqual([200, 'Success']);
    expect((body as Status).message).toMatch(text);
    expect(await platform.list('web')).toHaveLength(number);
  });

  test('who does not know the secret learns nothing', async () => {
    const refused = (config: string, type = 'generic') => ({ status: 401, body: { kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401, message: `the webhook "${type}" for "${config}" did not accept your secret` } });
    expect(await post('web', 'wrong', 'generic')).toMatchObject(refused('web'));
    expect(await post('nowhere', hidden.generic, 'generic')).toMatchObject(refused('nowhere'));
    expect(await post('quiet', hidden.generic, 'generic')).toMatchObject(refused('quiet'));
    expect(await post('web', hidden.generic, 'github', { ...json, 'X-GitHub-Event': 'push' }, payload('github-push.json'))).toMatchObject(refused('web', 'github'));
    expect(await platform.send('POST', path('web', hidden.generic, 'generic').replace(`/${namespace}/`, '/elsewhere/'))).toMatchObject(refused('web'));
    expect(await platform.list('web')).toHaveLength(number);
  });

  test('only this is open: other methods, paths and resources are as closed as before', async () => {
    expect((await platform.send('GET', path('web', hidden.generic, 'generic'))).status).toBe(405);
    expect((await post('web', hidden.generic, 'svn')).status).toBe(404);
    expect((await platform.send('POST', path('web', hidden.generic, '').replace(/\/$/, ''))).status).toBe(400);
    const base = `/apis/build.openshift.io/v1/namespaces/${namespace}`;
    for (const closed of [`${base}/buildconfigs/web`, `${base}/buildconfigs/web/instantiate`, `${base}/buildconfigs/web/instantiate/webhooks/x/generic`, `${base}/builds/web-1/log`, `${base}/builds/webhooks/x/generic`, `/api/v1/namespaces/${namespace}/secrets/hook`]) {
      expect([closed, (await platform.send('POST', closed)).status]).toEqual([closed, 401]);
    }
    expect((await platform.send('POST', path('web', hidden.generic, 'generic'), { headers: { authorization: 'Bearer forged' } })).status).toBe(401);
  });

  test('a paused config, and a payload of megabytes', async () => {
    await platform.makeConfig('paused', { triggers: [{ type: 'Generic', generic: { secret: hidden.generic } }] }, { 'openshift.io/build-config.paused': 'true' });
    expect(await post('paused', hidden.generic, 'generic')).toMatchObject({ status: 400, body: { message: `can't instantiate from BuildConfig ${namespace}/paused: BuildConfig is paused` } });
    expect((await post('web', hidden.github, 'github', { ...json, 'X-GitHub-Event': 'push' }, Buffer.alloc(4 * 2 ** 20, 32))).status).toBe(413);
  });

  test('no log holds a secret', async () => {
    await platform.send('POST', `/apis/build.openshift.io/v9/namespaces/${namespace}/buildconfigs/web/webhooks/${hidden.gitlab}/gitlab`);
    await platform.send('POST', `/apis/build.openshift.io/v1/namespaces/${namespace}/buildconfigs/web/%77ebhooks/${hidden.gitlab}/gitlab`);
    expect(platform.logged.some((line) => line.includes('/buildconfigs/web/webhooks/…'))).toBe(true);
    for (const secret of Object.values(hidden)) for (const form of [secret, encodeURIComponent(secret)]) expect(platform.logged.filter((line) => line.includes(form))).toEqual([]);
  });

  test('discovery names the subresource', async () => {
    const { resources } = (await platform.client.raw('GET', '/apis/build.openshift.io/v1')) as { resources: { name: string; kind: string; verbs: string[] }[] };
    expect(resources).toContainEqual({ name: 'buildconfigs/webhooks', singularName: '', namespaced: true, kind: 'Build', verbs: ['create'] });
  });
});
