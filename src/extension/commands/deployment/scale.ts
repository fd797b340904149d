import * as vscode from 'vscode';
import { isPodReady } from '../../../api/pod.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import type { RolloutTarget } from '../../../client/rollout/target.ts';
import { mostReplicas } from '../../../protocol/rollout-panel.ts';
import { LookedAt } from '../../connections/looked-at.ts';
import type { Session } from '../../connections/session.ts';
import { selects, type Workload } from '../../explorer/project-content.ts';
import { Scaler } from '../../rollout/scaler.ts';
import { workloadChoices } from '../choices.ts';
import { patiently, tellFailure, type Command } from '../command.ts';
import { foundFor } from '../target.ts';

const t = vscode.l10n.t;
/** The stepper that is open. */
let stepper: Stepper | undefined;

/** A number with − and +: each step is taken at once, and what becomes of it is shown. A number as second argument asks nothing. */
export const scaleCommand: Command = {
  id: 'slipway.deployment.scale',
  async run({ session }, asked, replicas) {
    const { of, object } = await foundFor(session, asked, workloadChoices().filter(({ resource }) => resource.kind !== 'DaemonSet'));
    const workload = object as Workload;
    const target = { of, namespace: workload.metadata.namespace ?? session.project, name: workload.metadata.name };
    if (typeof replicas !== 'number') {
      const mine = new Stepper(session, target, workload);
      stepper = mine;
      return mine.run().finally(() => stepper === mine && (stepper = undefined));
    }
    const { scale } = await import('../../../client/rollout/scale.ts');
    return patiently(t('Scaling "{0}"', target.name), () => scale(session.client, target, replicas));
  },
};

/** Arrow keys in the stepper; see `keybindings` in the manifest. */
export const scaleUpCommand: Command = { id: 'slipway.deployment.scaleUp', repeats: true, run: () => Promise.resolve(stepper?.step(1)) };
export const scaleDownCommand: Command = { id: 'slipway.deployment.scaleDown', repeats: true, run: () => Promise.resolve(stepper?.step(-1)) };

class Stepper {
  readonly #input = vscode.window.createInputBox();
  readonly #workload: Workload;
  readonly #scaler: Scaler;
  readonly #watched: LookedAt<{ pods: { items(): readonly Pod[]; dispose(): void } }>;
  /** What was asked for last. */
  #asked: number;

  constructor(session: Session, target: RolloutTarget, workload: Workload) {
    this.#workload = workload;
    this.#asked = (workload.spec as { replicas?: number }).replicas ?? 1;
    this.#scaler = new Scaler(session, target, tellFailure);
    this.#watched = new LookedAt(session, target.namespace, (list) => ({ pods: list(pods) }), () => this.#tell());
  }

  /** Resolves when it is closed. */
  async run(): Promise<void> {
    const input = this.#input;
    const fewer: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('remove'), tooltip: t('One pod less') };
    const more: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('add'), tooltip: t('One pod more') };
    input.title = t('Scale "{0}"', this.#workload.metadata.name);
    input.ignoreFocusOut = true;
    input.buttons = [fewer, more];
    input.value = String(this.#asked);
    input.onDidTriggerButton((button) => this.step(button === more ? 1 : -1));
    input.onDidChangeValue(() => this.#tell());
    this.#watched.look(true);
    // The keys go by it from the moment the box is there.
    await vscode.commands.executeCommand('setContext', 'slipway.scaling', true);
    return new Promise((resolve) => {
      input.onDidAccept(() => {
        const value = numberIn(input.value);
        if (value === undefined) return;
        if (value !== this.#asked) this.#scaler.scale(value);
        input.hide();
      });
      input.onDidHide(() => {
        void vscode.commands.executeCommand('setContext', 'slipway.scaling', false);
        this.#watched.dispose();
        input.dispose();
        void this.#scaler.flush().then(resolve);
      });
      input.show();
    });
  }

  step(by: number): void {
    const next = Math.min(mostReplicas, Math.max(0, (numberIn(this.#input.value) ?? this.#asked) + by));
    this.#input.value = String(next);
    if (next !== this.#asked) this.#scaler.scale(next);
    this.#asked = next;
    this.#tell();
  }

  #tell(): void {
    const ready = (this.#watched.lists?.pods.items() ?? []).filter((pod) => selects(this.#workload, pod) && isPodReady(pod) && !pod.metadata.deletionTimestamp).length;
    this.#input.validationMessage = numberIn(this.#input.value) === undefined ? t('A whole number from 0 to {0}.', mostReplicas) : undefined;
    this.#input.prompt = t('{0} of {1} ready. Up and Down take a step at once.', ready, this.#asked);
  }
}

function numberIn(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= mostReplicas ? Number(text) : undefined;
}
