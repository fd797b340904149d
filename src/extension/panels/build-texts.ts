import * as vscode from 'vscode';
import type { BuildPhase } from '../../api/kinds/build.ts';
import type { BuildTexts } from '../../protocol/build-panel.ts';
import type { BuildStep } from '../../protocol/build-progress.ts';

export function buildTexts(): BuildTexts {
  const t = vscode.l10n.t;
  return {
    steps: t('Steps of the build'), log: t('Log of the build'), cancel: t('Cancel'), rebuild: t('Rebuild'), open: t('Open in Browser'), follow: t('Follow'), search: t('Search'), nextMatch: t('Next match'),
    previousMatch: t('Previous match'), matches: t('{0} of {1}', '{0}', '{1}'), noMatches: t('No results'), builder: t('Builder'), source: t('Source'), commit: t('Commit'), elapsed: t('Elapsed'),
    empty: t('No build is shown. Start one, or choose one in the Builds view.'), newLines: t('{0} new lines', '{0}'), olderLines: t('Show older lines'),
    states: { waiting: t('waiting'), running: t('running'), done: t('done'), failed: t('failed'), skipped: t('skipped') },
  };
}

/** OpenShift's words for the nine steps of Source-to-Image. */
export function stepTitles(): Record<BuildStep, string> {
  const t = vscode.l10n.t;
  return {
    SourceLocation: t('Source location'), BuilderImage: t('Builder image'), BuildInstantiated: t('Build instantiated'), SourceFetched: t('Source fetched'), BuilderStarted: t('Builder started with the source'),
    Assemble: t('Assemble'), ImageCommitted: t('Image committed'), ImagePushed: t('Image pushed'), ImageStreamUpdated: t('Image stream updated'),
  };
}

export function phaseTexts(): Record<BuildPhase, string> {
  const t = vscode.l10n.t;
  return { New: t('New'), Pending: t('Pending'), Running: t('Running'), Complete: t('Complete'), Failed: t('Failed'), Error: t('Error'), Cancelled: t('Cancelled') };
}
