/** Nodes that are no objects: what is going on, what went wrong, what there is to do. */
import * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import type { Platform, PlatformFailure } from '../daemon/platform.ts';
import { isStatusError } from '../../api/status.ts';
import type { StartPhase } from '../../protocol/daemon.ts';
import { startFailureText, whyUnreachable } from '../failure-text.ts';
import { tooltipOf, type TreeNode } from './node.ts';

const t = vscode.l10n.t;

/** Something could not be listed; the rest of the tree stands. */
export function problemNode(parent: string, error: Error): TreeNode {
  const refused = isStatusError(error, 'Forbidden');
  return {
    id: `${parent}/problem/${error.message}`,
    label: refused ? t('No permission') : t('Connection lost'),
    description: error.message,
    icon: refused ? 'lock' : 'warning',
    colour: 'list.warningForeground',
    tooltip: tooltipOf(refused ? t('No permission') : t('Connection lost'), [[t('Reason'), error.message]]),
    contextValue: 'problem',
    accessibility: error.message,
  };
}

/** That the cluster cannot be had, and below it why. */
export function clusterFailureNodes(session: Session): TreeNode[] {
  const message = whyUnreachable(session.failure);
  const login = isStatusError(session.failure, 'Unauthorized');
  const label = login ? t('The login to "{0}" has expired', session.cluster) : t('Cluster "{0}" cannot be reached', session.cluster);
  const tooltip = tooltipOf(label, [[t('Reason'), message]]);
  return [
    { id: `${session.cluster}/failure`, label, icon: login ? 'key' : 'error', colour: 'testing.iconFailed', tooltip, contextValue: login ? 'failure.login' : 'failure', accessibility: `${label}: ${message}` },
    { id: `${session.cluster}/why`, label: message, icon: 'info', tooltip, contextValue: 'why', accessibility: message },
  ];
}

export function connectingNode(session: Session): TreeNode {
  const label = t('Connecting to "{0}"', session.cluster);
  return { id: `${session.cluster}/connecting`, label, icon: 'sync~spin', colour: 'charts.blue', contextValue: 'connecting', accessibility: label };
}

export function startingNode(platform: Platform): TreeNode {
  const phase = platform.phase && phaseTexts()[platform.phase];
  const label = t('Slipway is starting');
  return { id: 'slipway/starting', label, ...(phase && { description: phase }), icon: 'sync~spin', colour: 'charts.blue', contextValue: 'starting', accessibility: `${label} ${phase ?? ''}` };
}

/** Why the platform did not start, and below it what helps. */
export function startFailureNodes(failure: PlatformFailure): TreeNode[] {
  const label = t('Slipway could not start');
  const { message, fix } = startFailureText(failure, t);
  const why: TreeNode = {
    id: 'slipway/failure', label, description: message, icon: 'error', colour: 'testing.iconFailed', tooltip: tooltipOf(label, [[t('Reason'), message]]),
    contextValue: failure.reason === 'StoreDamaged' ? 'startfailure.damaged' : 'startfailure', accessibility: `${label}: ${message}`,
  };
  if (!fix) return [why];
  return [why, { id: 'slipway/fix', label: fix, icon: 'lightbulb', tooltip: tooltipOf(t('What helps'), [['', fix]]), contextValue: 'fix', accessibility: fix }];
}

export function emptyProjectNode(project: TreeNode): TreeNode {
  const label = t('Nothing runs here yet');
  return { id: `${project.id}/empty`, label, description: t('Create App from Source…'), icon: 'info', contextValue: 'empty', namespace: project.label, command: 'slipway.app.create', accessibility: `${label}. ${t('Create App from Source…')}` };
}

function phaseTexts(): Record<StartPhase, string> {
  return {
    keys: t('Making keys'), store: t('Opening the store'), api: t('Starting the API'), node: t('Starting the node'), registry: t('Starting the registry'), router: t('Starting the router'),
  };
}
