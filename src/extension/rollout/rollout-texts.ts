import * as vscode from 'vscode';
import { summarizePod } from '../../api/pod-summary.ts';
import type { RolloutTexts } from '../../protocol/rollout-panel.ts';
import { kindWord } from '../explorer/kind-words.ts';
import { stateWord } from '../explorer/state-words.ts';
import type { RolloutWords } from './rollout-view.ts';
import { stepText } from './step-text.ts';

export function rolloutTexts(): RolloutTexts {
  const t = vscode.l10n.t;
  return {
    actions: { latest: t('Start Rollout'), restart: t('Restart'), pause: t('Pause'), resume: t('Resume'), cancel: t('Cancel Rollout'), retry: t('Retry'), enableTriggers: t('Follow Images') },
    pods: t('Pods'), history: t('History'), revision: t('Revision'), created: t('Created'), cause: t('Cause'), image: t('Image'), state: t('State'), compare: t('Compare Selected'), compareWith: t('Compare {0} with the current revision', '{0}'),
    select: t('Select revision {0} to compare', '{0}'), undo: t('Roll Back'), undoTo: t('Roll back to revision {0}', '{0}'), log: t('Log of the rollout'), template: t('Template'), ready: t('{0} of {1} ready', '{0}', '{1}'), replicas: t('Number of pods'),
    fewer: t('One pod less'), more: t('One pod more'), noPods: t('No pods.'), noHistory: t('Nothing was rolled out yet.'), paused: t('paused'), triggersOff: t('Images that are not followed: {0}', '{0}'), andMore: t('{0} more', '{0}'), loading: t('Loading…'), choice: t('To compare'), changes: t('Actions'),
  };
}

export function rolloutWords(): RolloutWords {
  const t = vscode.l10n.t;
  const causes: Record<string, string> = { 'config change': t('the configuration changed'), 'image change': t('a new image'), 'manual change': t('started by hand'), 'cancelled by the user': t('cancelled') };
  return {
    kind: (kind) => kindWord(kind, t),
    phase: (phase) => ({ progressing: t('rolling out'), waiting: t('waiting'), complete: t('complete'), failed: t('failed') })[phase],
    step: (step) => stepText(step, t),
    state: (state, phase) => (state === 'current' ? t('Current') : phase ? stateWord(phase, t) : t('Earlier')),
    cause: (cause) => causes[cause] ?? cause,
    pod: (pod) => {
      const { status, ready, restarts } = summarizePod(pod, new Date());
      return [pod.metadata.name, stateWord(status, t), ready, restarts === '0' ? '' : t('{0} restarts', restarts)].filter(Boolean).join(', ');
    },
    revision: (number) => t('Revision {0}', number),
    otherPods: t('Other pods'),
  };
}
