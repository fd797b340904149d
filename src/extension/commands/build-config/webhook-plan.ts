/** Webhooks of a build config: pure. */
import type { BuildConfig, BuildTriggerPolicy, WebHookTrigger } from '../../../api/kinds/build.ts';

export const webhookTypes = ['GitHub', 'GitLab', 'Bitbucket', 'Generic'] as const;
export type WebhookType = (typeof webhookTypes)[number];

const fields = { GitHub: 'github', GitLab: 'gitlab', Bitbucket: 'bitbucket', Generic: 'generic' } as const;

export interface Webhook {
  type: WebhookType;
  trigger: WebHookTrigger;
}

export function webhooksOf({ spec }: BuildConfig): Webhook[] {
  return webhookTypes.flatMap((type) => (spec.triggers ?? []).flatMap((one) => {
    const trigger = one.type === type ? one[fields[type]] : undefined;
    return trigger ? [{ type, trigger }] : [];
  }));
}

/** Where a provider posts to. */
export function webhookUrl(server: string, { namespace, name }: { namespace: string; name: string }, type: WebhookType, secret: string): string {
  const parts = ['apis', 'build.openshift.io', 'v1', 'namespaces', namespace, 'buildconfigs', name, 'webhooks', secret, type.toLowerCase()];
  return `${server.replace(/\/+$/, '')}/${parts.map(encodeURIComponent).join('/')}`;
}

/** `config` with one webhook more, whose secret is in the secret of that name. */
export function withWebhook(config: BuildConfig, type: WebhookType, secret: string): BuildConfig {
  const trigger: BuildTriggerPolicy = { type, [fields[type]]: { secretReference: { name: secret } } };
  return { ...config, spec: { ...config.spec, triggers: [...(config.spec.triggers ?? []), trigger] } };
}
