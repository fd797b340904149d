import * as vscode from 'vscode';
import type { LogTexts } from '../../protocol/logs-panel.ts';

export function logTexts(): LogTexts {
  const t = vscode.l10n.t;
  return {
    follow: t('Follow'), wrap: t('Wrap lines'), timestamps: t('Timestamps'), previous: t('Previous container'), search: t('Search'), nextMatch: t('Next match'), previousMatch: t('Previous match'),
    matches: t('{0} of {1}', '{0}', '{1}'), noMatches: t('No results'), clear: t('Clear'), saveAll: t('Save all'), since: t('Since'), sinceAll: t('From the start'), sinceMinutes: t('5 minutes'), sinceHour: t('1 hour'),
    empty: t('No lines yet.'), choose: t('Choose a pod, then Stream Logs.'), olderLines: t('Show older lines'), newLines: t('{0} new lines', '{0}'), sources: t('Containers'), log: t('Log'),
  };
}
