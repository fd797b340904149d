import * as vscode from 'vscode';
import { mostRows, type EventTexts } from '../../protocol/events-panel.ts';

export function eventTexts(): EventTexts {
  const t = vscode.l10n.t;
  return {
    events: t('Events'), tools: t('Event tools'), filter: t('Filter'), warnings: t('Warnings only'), wholeProject: t('Whole Project'), shown: t('{0} of {1}', '{0}', '{1}'), times: t('{0} times since {1}', '{0}', '{1}'),
    describe: t('Describe {0}', '{0}'), warning: t('Warning'), empty: t('No events. They are kept for an hour.'), noMatch: t('No event fits the filter.'), newest: t('The {0} newest are shown.', mostRows), loading: t('Loading…'),
  };
}
