import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BuildConfig, WebHookTrigger } from '../../../../../src/api/kinds/build.ts';
import { bitbucket } from '../../../../../src/controlplane/build/webhook/bitbucket.ts';
import type { HookOutcome, HookReader } from '../../../../../src/controlplane/build/webhook/event.ts';
import { generic } from '../../../../../src/controlplane/build/webhook/generic.ts';
import { github } from '../../../../../src/controlplane/build/webhook/github.ts';
import { gitlab } from '../../../../../src/controlplane/build/webhook/gitlab.ts';

const head = '6113728f27ae82c7b1a177c8d03f9e96e0adf246';
const ada = { name: 'Ada Lovelace', email: 'ada@example.org' };
const json = 'application/json';
const fixture = (name: string) => readFileSync(join('test/fixtures/webhooks', name));
const configOf = (ref?: string, source: BuildConfig['spec']['source'] = { git: { uri: 'https://git.example.org/demo/web.git', ...(ref && { ref }) } }): BuildConfig => ({
  apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web', namespace: 'demo' }, spec: { source, strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: 'x' } } } },
});
const read = async (reader: HookReader, headers: Record<string, string>, body: Buffer | string, config = configOf(), trigger: WebHookTrigger = { secret: 's' }): Promise<HookOutcome> =>
  reader({ config, trigger }, { header: (name) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1], body: Buffer.from(body) });

describe('pushes of every provider', () => {
  const revision = (more: object = {}) => ({ commit: head, author: ada, committer: ada, ...more });
  test.each<[string, HookReader, Record<string, string>, string, string | undefined, object | RegExp]>([
    ['GitHub, the default branch of the repository', github, { 'X-GitHub-Event': 'push' }, 'github-push.json', undefined, { commit: head, author: ada, committer: { name: 'GitHub', email: 'noreply@github.example.org' }, message: 'Update README.md\n\nSay how to start it.' }],
    ['GitHub, the branch of the config', github, { 'X-GitHub-Event': 'push' }, 'github-push.json', 'main', { commit: head }],
    ['GitHub, a full reference', github, { 'X-GitHub-Event': 'push' }, 'github-push.json', 'refs/heads/main', { commit: head }],
    ['GitHub, another branch', github, { 'X-GitHub-Event': 'push' }, 'github-push.json', 'stable', /Branch reference from "refs\/heads\/main" does not match configuration/],
    ['GitHub, a tag of the branch\'s name', github, { 'X-GitHub-Event': 'push' }, 'github-push-tag.json', undefined, /does not match/],
    ['GitHub, a deleted branch', github, { 'X-GitHub-Event': 'push' }, 'github-push-deleted.json', undefined, /was deleted/],
    ['GitHub, ping', github, { 'X-GitHub-Event': 'ping' }, 'github-ping.json', undefined, /pong/],
    ['Gogs', github, { 'X-Gogs-Event': 'push' }, 'gogs-push.json', undefined, revision({ message: 'Say hello\n' })],
    ['GitLab: the newest comes last', gitlab, { 'X-Gitlab-Event': 'Push Hook' }, 'gitlab-push.json', undefined, revision({ message: 'Fix the readme\n\nIt lied.' })],
    ['GitLab, another branch', gitlab, { 'X-Gitlab-Event': 'Push Hook' }, 'gitlab-push.json', 'master', /does not match/],
    ['GitLab, a deleted branch', gitlab, { 'X-Gitlab-Event': 'Push Hook' }, 'gitlab-push-deleted.json', undefined, /was deleted/],
    ['Bitbucket: the newest comes first, of the branch that is built', bitbucket, { 'X-Event-Key': 'repo:push' }, 'bitbucket-push.json', undefined, revision({ message: 'Say hello\n' })],
    ['Bitbucket, a new branch', bitbucket, { 'X-Event-Key': 'repo:push' }, 'bitbucket-push.json', 'feature', { message: 'Try something\n' }],
    ['Bitbucket, another branch', bitbucket, { 'X-Event-Key': 'repo:push' }, 'bitbucket-push.json', 'stable', /Branch reference from "feature"/],
    ['Bitbucket, a deleted branch', bitbucket, { 'X-Event-Key': 'repo:push' }, 'bitbucket-push-deleted.json', undefined, /was deleted/],
    ['Bitbucket Server', bitbucket, { 'X-Event-Key': 'repo:refs_changed' }, 'bitbucket-server-refs-changed.json', undefined, { commit: head }],
    ['Bitbucket Server, another branch', bitbucket, { 'X-Event-Key': 'repo:refs_changed' }, 'bitbucket-server-refs-changed.json', 'main', /does not match/],
    ['Bitbucket Server, its test', bitbucket, { 'X-Event-Key': 'diagnostics:ping' }, 'bitbucket-server-ping.json', undefined, /pong/],
  ])('%s', async (_, reader, headers, file, ref, expected) => {
    const outcome = await read(reader, { ...headers, 'Content-Type': 'application/json; charset=utf-8' }, fixture(file), configOf(ref));
    if (expected instanceof RegExp) expect(outcome).toEqual({ build: false, text: expect.stringMatching(expected) as string });
    else expect(outcome).toMatchObject({ build: true, revision: expected });
  });

  test.each<[string, HookReader, Record<string, string>, string, RegExp]>([
    ['a form', github, { 'Content-Type': 'application/x-www-form-urlencoded', 'X-GitHub-Event': 'push' }, 'payload=%7B%7D', /unsupported Content-Type application\/x-www-form-urlencoded.*application\/json/],
    ['no event', github, { 'Content-Type': json }, '{}', /missing X-GitHub-Event or X-Gogs-Event/],
    ['another event', github, { 'Content-Type': json, 'X-GitHub-Event': 'issues' }, '{}', /Unknown X-GitHub-Event or X-Gogs-Event issues/],
    ['no JSON', github, { 'Content-Type': json, 'X-GitHub-Event': 'push' }, '{"secret-in-payload', /^the payload is not valid JSON$/],
    ['a list', gitlab, { 'Content-Type': json, 'X-Gitlab-Event': 'Push Hook' }, '[]', /not a JSON object/],
    ['a tag of GitLab', gitlab, { 'Content-Type': json, 'X-Gitlab-Event': 'Tag Push Hook' }, '{}', /Unknown X-Gitlab-Event Tag Push Hook/],
    ['GitLab without an event', gitlab, { 'Content-Type': json }, '{}', /missing X-Gitlab-Event/],
    ['Bitbucket without an event', bitbucket, { 'Content-Type': json }, '{}', /missing X-Event-Key/],
    ['another event of Bitbucket', bitbucket, { 'Content-Type': json, 'X-Event-Key': 'repo:fork' }, '{}', /Unknown Bitbucket X-Event-Key repo:fork/],
    ['a push without changes', bitbucket, { 'Content-Type': json, 'X-Event-Key': 'repo:push' }, '{"push":{}}', /Unable to extract valid event/],
  ])('refused: %s', async (_, reader, headers, body, why) => {
    await expect((async () => read(reader, headers, body))()).rejects.toMatchObject({ code: 400, message: expect.stringMatching(why) as string });
  });
});

describe('generic', () => {
  const revision = { commit: head, author: ada, message: 'Say hello' };
  test.each<[string, string | undefined, Buffer | string, BuildConfig, WebHookTrigger, object]>([
    ['an empty body', undefined, '', configOf(), {}, { build: true }],
    ['JSON', json, fixture('generic.json'), configOf(), {}, { build: true, revision: { ...revision, committer: { name: 'Grace Hopper' } } }],
    ['options of the Docker strategy', json, fixture('generic-docker.json'), configOf(), {}, { build: true, dockerStrategyOptions: { buildArgs: [{ name: 'VERSION', value: '2' }], noCache: true } }],
    ['variables that are allowed', json, fixture('generic.json'), configOf(), { allowEnv: true }, { build: true, env: [{ name: 'FROM_HOOK', value: 'yes' }] }],
    ['YAML', 'application/yaml', fixture('generic.yaml'), configOf(), { allowEnv: true }, { build: true, revision, env: [{ name: 'FROM_HOOK', value: 'yes' }] }],
    ['several refs', json, fixture('generic-refs.json'), configOf('feature'), {}, { build: true, revision: { message: 'Try' } }],
    ['none of several refs', json, fixture('generic-refs.json'), configOf('stable'), {}, { build: false, text: 'skipping build. None of the supplied refs matched "stable"' }],
    ['another branch', json, fixture('generic.json'), configOf('stable'), {}, { build: false, text: 'skipping build. Branch reference from "master" does not match configuration' }],
    ['no Git in the payload', json, '{"type":"git"}', configOf(), {}, { build: true, warning: 'no git information found in payload, ignoring and continuing with build' }],
    ['no Git in the config', json, fixture('generic.json'), configOf(undefined, { dockerfile: 'FROM scratch' }), {}, { build: true }],
    ['another content type', 'text/plain', 'x', configOf(), {}, { build: true, warning: 'invalid Content-Type on payload, ignoring payload and continuing with build' }],
    ['no content type', undefined, 'x', configOf(), {}, { build: true, warning: 'invalid Content-Type on payload, ignoring payload and continuing with build' }],
    ['no JSON', json, '{', configOf(), {}, { build: true, warning: 'error unmarshalling payload, ignoring payload and continuing with build' }],
    ['no YAML', 'application/yaml', 'a: [', configOf(), {}, { build: true, warning: 'error unmarshalling payload, ignoring payload and continuing with build' }],
  ])('%s', async (_, contentType, body, config, trigger, expected) => {
    expect(await read(generic, contentType ? { 'Content-Type': contentType } : {}, body, config, trigger)).toMatchObject(expected);
  });

  test('variables are values: a caller cannot make a build read secrets', async () => {
    const payload = JSON.stringify({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }, { value: 'nameless' }, 'x'], git: { ref: 'master' } });
    expect(await read(generic, { 'Content-Type': json }, payload, configOf(), { allowEnv: true })).toMatchObject({ env: [{ name: 'A', value: '' }] });
    expect(await read(generic, { 'Content-Type': json }, payload)).not.toHaveProperty('env');
  });
});
