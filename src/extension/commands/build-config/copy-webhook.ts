import * as vscode from 'vscode';
import { buildConfigs, webHookSecretKey, type BuildConfig } from '../../../api/kinds/build.ts';
import { secrets, type Secret } from '../../../api/kinds/core.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Session } from '../../connections/session.ts';
import { buildConfigChoice } from '../choices.ts';
import { Cancelled, patiently, type Command } from '../command.ts';
import { objectFor } from '../target.ts';
import { webhooksOf, webhookTypes, webhookUrl, withWebhook, type Webhook, type WebhookType } from './webhook-plan.ts';

const t = vscode.l10n.t;

/** Bytes of a secret that nobody guesses. */
const secretBytes = 20;

/** Copies the URL that a provider posts to; adds a webhook with a secret of its own if there is none of that kind. */
export const copyWebhookCommand: Command = {
  id: 'slipway.buildConfig.copyWebhook',
  async run({ session }, target, asked) {
    const config = await objectFor(session, target, buildConfigChoice());
    const at = { namespace: config.metadata.namespace ?? session.project, name: config.metadata.name };
    const { type, webhook } = webhookTypes.includes(asked as WebhookType) ? pickedOf(config, asked as WebhookType) : await choose(config);
    const secret = await patiently(t('Reading the webhook of "{0}"', at.name), () => (webhook ? secretOf(session, at.namespace, webhook) : add(session, config, type)));
    await vscode.env.clipboard.writeText(webhookUrl(session.connection?.server ?? '', at, type, secret));
    vscode.window.setStatusBarMessage(`$(check) ${t('The {0} webhook URL of "{1}" is copied.', type, at.name)}`, 5_000);
    return type;
  },
};

interface Picked {
  type: WebhookType;
  webhook: Webhook | undefined;
}

const pickedOf = (config: BuildConfig, type: WebhookType): Picked => ({ type, webhook: webhooksOf(config).find((one) => one.type === type) });

async function choose(config: BuildConfig): Promise<Picked> {
  const found = webhooksOf(config);
  const icons: Record<WebhookType, string> = { GitHub: 'github', GitLab: 'repo', Bitbucket: 'repo', Generic: 'link' };
  const items = [
    ...found.map((webhook) => ({ label: `$(${icons[webhook.type]}) ${webhook.type}`, description: t('copy its URL'), choice: { type: webhook.type, webhook } })),
    ...webhookTypes.filter((type) => !found.some((one) => one.type === type)).map((type) => ({ label: `$(add) ${type}`, description: t('add it with a new secret, and copy its URL'), choice: { type, webhook: undefined } })),
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: t('Webhook URL of "{0}"', config.metadata.name) });
  if (!chosen) throw new Cancelled();
  return chosen.choice;
}

async function secretOf({ client }: Session, namespace: string, { type, trigger }: Webhook): Promise<string> {
  if (trigger.secret) return trigger.secret;
  const name = trigger.secretReference?.name ?? '';
  const found = await client.get(secrets, { namespace, name }).catch((error: unknown) => {
    throw isStatusError(error, 'NotFound') ? new Error(t('The secret "{0}" of the {1} webhook does not exist. Make it with a key {2}, or remove the trigger.', name, type, webHookSecretKey)) : error;
  });
  return keyOf(found) ?? missing(name);
}

async function add({ client, project }: Session, config: BuildConfig, type: WebhookType): Promise<string> {
  const { name, namespace = project } = config.metadata;
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${name}-${type.toLowerCase()}-webhook`, namespace }, type: 'Opaque', stringData: { [webHookSecretKey]: await randomSecret() } };
  const kept = await client.create(secrets, secret, { namespace }).catch((error: unknown) => {
    if (isStatusError(error, 'AlreadyExists')) return client.get(secrets, { namespace, name: secret.metadata.name });
    throw error;
  });
  const now = await client.get(buildConfigs, { namespace, name });
  await client.update(buildConfigs, withWebhook(now, type, secret.metadata.name), { namespace, name });
  return keyOf(kept) ?? secret.stringData?.[webHookSecretKey] ?? missing(secret.metadata.name);
}

function keyOf({ data }: Secret): string | undefined {
  const value = data?.[webHookSecretKey];
  return value && Buffer.from(value, 'base64').toString('utf8');
}

function missing(name: string): never {
  throw new Error(t('Secret "{0}" holds no key {1}.', name, webHookSecretKey));
}

async function randomSecret(): Promise<string> {
  const { randomBytes } = await import('node:crypto');
  return randomBytes(secretBytes).toString('hex');
}
