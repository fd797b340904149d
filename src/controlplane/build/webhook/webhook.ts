/** `buildconfigs/webhooks/<secret>/<type>`: a push at a provider, or anybody who knows the secret, starts a build. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { buildConfigs, webHookSecretKey, type Build, type BuildConfig, type BuildRequest, type BuildTriggerCause, type GitSourceRevision, type WebHookTrigger } from '../../../api/kinds/build.ts';
import { secrets, type Secret } from '../../../api/kinds/core.ts';
import type { KubeObject } from '../../../api/meta.ts';
import { badRequest, StatusError, type Status } from '../../../api/status.ts';
import type { Client } from '../../../client/client.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { OpenRequest, RequestContext } from '../../kernel/apiserver/kind.ts';
import { webHookOf } from '../build-trigger-rules.ts';
import { bitbucket } from './bitbucket.ts';
import type { HookReader } from './event.ts';
import { generic } from './generic.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';

interface Hook {
  trigger: 'GitHub' | 'GitLab' | 'Bitbucket' | 'Generic';
  cause: 'githubWebHook' | 'gitlabWebHook' | 'bitbucketWebHook' | 'genericWebHook';
  read: HookReader;
}

const hooks: Partial<Record<string, Hook>> = {
  github: { trigger: 'GitHub', cause: 'githubWebHook', read: github },
  gitlab: { trigger: 'GitLab', cause: 'gitlabWebHook', read: gitlab },
  bitbucket: { trigger: 'Bitbucket', cause: 'bitbucketWebHook', read: bitbucket },
  generic: { trigger: 'Generic', cause: 'genericWebHook', read: generic },
};

export interface WebHookParts {
  client: Client;
  instantiate(namespace: string, name: string, request: BuildRequest): Promise<Build>;
}

export async function receiveWebHook({ client, instantiate }: WebHookParts, context: RequestContext, request: OpenRequest): Promise<KubeObject | Status> {
  const { namespace = '', name = '' } = context;
  const [secret = '', type = '', ...more] = request.path;
  if (secret === '' || type === '' || more.length > 0) throw badRequest('unexpected hook subpath: it is <secret>/github, <secret>/gitlab, <secret>/bitbucket or <secret>/generic');
  const hook = hooks[type];
  // The word may be the secret, given in the wrong place.
  if (!hook) throw new StatusError(404, 'NotFound', 'buildconfighook.build.openshift.io not found: the types are github, gitlab, bitbucket and generic');
  const config = await ifFound(client.get<BuildConfig>(buildConfigs, { namespace, name }));
  const trigger = await matchingTrigger(client, config, hook, secret);
  // Nobody learns which build configs there are.
  if (!config || !trigger) throw new StatusError(401, 'Unauthorized', `the webhook ${JSON.stringify(type)} for ${JSON.stringify(name)} did not accept your secret`);
  const outcome = await hook.read({ config, trigger }, { header: (header) => request.header(header), body: await request.body() });
  if (!outcome.build) return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', message: outcome.text, code: 200 };
  if (outcome.warning) context.warn(outcome.warning);
  const { env, dockerStrategyOptions } = outcome;
  const revision = outcome.revision && Object.keys(outcome.revision).length > 0 ? outcome.revision : undefined;
  return instantiate(namespace, name, {
    apiVersion: 'build.openshift.io/v1',
    kind: 'BuildRequest',
    metadata: { name },
    triggeredBy: [causeOf(hook, revision)],
    ...(revision && { revision: { type: 'Git', git: revision } }),
    ...(env && { env }),
    ...(dockerStrategyOptions && { dockerStrategyOptions }),
  });
}

function causeOf({ trigger, cause }: Hook, revision: GitSourceRevision | undefined): BuildTriggerCause {
  return { message: `${trigger} WebHook`, [cause]: { ...(revision && { revision: { type: 'Git', git: revision } }), secret: '<secret>' } };
}

/** Looks at every trigger of the type, whichever of them matches. */
async function matchingTrigger(client: Client, config: BuildConfig | undefined, hook: Hook, given: string): Promise<WebHookTrigger | undefined> {
  let found: WebHookTrigger | undefined;
  for (const policy of config?.spec.triggers ?? []) {
    const trigger = policy.type === hook.trigger ? webHookOf(policy) : undefined;
    if (!trigger) continue;
    if (trigger.secret && same(trigger.secret, given)) found ??= trigger;
    if (trigger.secretReference?.name) {
      const secret = await ifFound(client.get<Secret>(secrets, { namespace: config?.metadata.namespace ?? '', name: trigger.secretReference.name }));
      const value = secret?.data?.[webHookSecretKey];
      if (value && same(Buffer.from(value, 'base64'), given)) found ??= trigger;
    }
  }
  return found;
}

/** In a time that tells nothing about where they differ, nor how long they are. */
function same(a: string | Buffer, b: string): boolean {
  const digest = (value: string | Buffer) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}
