/** What is done to rollouts, from their editor as from commands. Confirms what replaces pods by something older. */
import * as vscode from 'vscode';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { disabledTriggers } from '../../client/rollout/disabled-triggers.ts';
import type { Client } from '../../client/client.ts';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import type { RolloutAction } from '../../protocol/rollout-panel.ts';
import type { Session } from '../connections/session.ts';
import { refusalText } from './refusal-text.ts';

const t = vscode.l10n.t;

/** Asks before something that is hard to take back; rejects if it is not wanted. */
export type Confirm = (message: string, action: string, detail?: string) => Promise<void>;

export interface ActSurroundings {
  confirm: Confirm;
  /** Shows that something is under way. */
  work<T>(run: () => Promise<T>): Promise<T>;
}

export async function actOn(session: Session, target: RolloutTarget, action: RolloutAction, { confirm, work }: ActSurroundings): Promise<void> {
  const { client } = session;
  const question = questionOf(action, target.name);
  if (question) await confirm(...question);
  await told(target, () => work(async () => {
    switch (action) {
      case 'latest':
        return (await import('../../client/rollout/start.ts')).latest(client, target);
      case 'restart':
        return (await import('../../client/rollout/start.ts')).restart(client, target);
      case 'pause':
        return (await import('../../client/rollout/pause.ts')).pause(client, target);
      case 'resume':
        return (await import('../../client/rollout/pause.ts')).resume(client, target);
      case 'cancel':
        return cancelRollout(client, target);
      case 'retry':
        return (await import('../../client/rollout/cancel.ts')).retry(client, target);
      case 'enableTriggers':
        return enableTriggers(client, target);
    }
  }));
}

function questionOf(action: RolloutAction, name: string): Parameters<Confirm> | undefined {
  if (action === 'restart') return [t('Restart "{0}"?', name), t('Restart'), t('Its pods are replaced one after the other.')];
  if (action === 'cancel') return [t('Cancel the rollout of "{0}"?', name), t('Cancel Rollout'), t('The pods of the revision before serve on.')];
  return action === 'enableTriggers' ? [t('Follow the images of "{0}" again?', name), t('Follow Images'), t('If one is newer than what runs, it is rolled out at once.')] : undefined;
}

/** Goes back to a revision, after naming it. Tells which images are no longer followed: else the next of them would undo it. */
export async function undoTo({ client }: Session, target: RolloutTarget, revision: number, { confirm, work }: ActSurroundings): Promise<void> {
  await confirm(t('Roll back "{0}" to revision {1}?', target.name, revision), t('Roll Back'), t('Its template becomes the one of then, and is rolled out as a new revision.'));
  await told(target, () => work(async () => (await import('../../client/rollout/undo.ts')).undo(client, target, revision)));
  if (target.of.kind !== 'DeploymentConfig') return;
  const off = disabledTriggers(await client.get(deploymentConfigs, target));
  if (off.length > 0) void vscode.window.showInformationMessage(t('"{0}" no longer follows {1} by itself: a new image would undo the way back. Its rollouts view turns that on again.', target.name, off.join(', ')));
}

async function cancelRollout(client: Client, target: RolloutTarget): Promise<void> {
  const cancelled = await (await import('../../client/rollout/cancel.ts')).cancel(client, target);
  if (cancelled.length === 0) throw new Error(t('No rollout of "{0}" is under way.', target.name));
}

async function enableTriggers(client: Client, at: RolloutTarget): Promise<void> {
  const { spec } = await client.get(deploymentConfigs, at);
  const triggers = (spec.triggers ?? []).map((one): NonNullable<DeploymentConfig['spec']['triggers']>[number] => (one.imageChangeParams ? { ...one, imageChangeParams: { ...one.imageChangeParams, automatic: true } } : one));
  await client.patch(deploymentConfigs, at, 'merge', { spec: { triggers } });
}

async function told({ name }: RolloutTarget, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const text = refusalText(error, name, t);
    throw text === undefined ? error : new Error(text);
  }
}
