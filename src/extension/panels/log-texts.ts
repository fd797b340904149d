import * as vscode from 'vscode';
import type { FeedTexts } from '../../protocol/log-feed.ts';
import type { LogTexts } from '../../protocol/logs-panel.ts';

export function feedTexts(): FeedTexts {
  const t = vscode.l10n.t;
  return {
    openPlace: t('Open {0}', '{0}'), log: t('Log'), search: t('Search'), nextMatch: t('Next match'), previousMatch: t('Previous match'), matches: t('{0} of {1}', '{0}', '{1}'), noMatches: t('No results'),
    newLines: t('{0} new lines', '{0}'), olderLines: t('Show older lines'), empty: t('No lines yet.'),
  };
}

export function logTexts(): LogTexts {
  const t = vscode.l10n.t;
  return {
    ...feedTexts(),
    follow: t('Follow'), wrap: t('Wrap lines'), timestamps: t('Timestamps'), previous: t('Previous container'), clear: t('Clear'), saveAll: t('Save all'),
    since: t('Since'), sinceAll: t('From the start'), sinceMinutes: t('5 minutes'), sinceHour: t('1 hour'),
    choose: t('Choose a pod, then Stream Logs.'), sources: t('Containers'), tools: t('Log tools'),
    states: { streaming: t('streaming'), ended: t('ended'), waiting: t('waiting'), failed: t('failed') },
  };
}
