import * as vscode from 'vscode';
import type { TrafficTexts } from '../../protocol/traffic-panel.ts';

export function trafficTexts(): TrafficTexts {
  const t = vscode.l10n.t;
  return {
    share: t('Share of {0}', '{0}'), percent: t('Percent for {0}', '{0}'), remove: t('Take out {0}', '{0}'), add: t('Add'), choose: t('Service'), apply: t('Apply'), reset: t('Reset'), all: t('All to {0}', '{0}'), open: t('Open in Browser'),
    split: t('Traffic of the route'), now: t('now {0} %', '{0}'), ready: t('ready pods: {0}', '{0}'), noPods: t('no pod ready'), noService: t('no such service'), noPort: t('no port {0}, which the route asks for', '{0}'),
    hint: t('Each request goes to one of the services, by these shares. A browser with a session stays with the one it had first.'),
    loading: t('Loading…'),
  };
}
