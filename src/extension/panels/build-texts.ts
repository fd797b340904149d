import * as vscode from 'vscode';
import { buildHint } from './build-hints.ts';
import type { BuildTexts } from '../../protocol/build-panel.ts';
import type { BuildStep } from '../../protocol/build-progress.ts';
import { sourceText } from '../explorer/presenters/build.ts';
import { stateWord } from '../explorer/state-words.ts';
import type { BuildWords } from './build-view.ts';
import { feedTexts } from './log-texts.ts';

export function buildTexts(): BuildTexts {
  const t = vscode.l10n.t;
  return {
    ...feedTexts(),
    log: t('Log of the build'), steps: t('Steps of the build'), cancel: t('Cancel'), rebuild: t('Rebuild'), open: t('Open in Browser'), openFile: t('Open {0}', '{0}'), follow: t('Follow'),
    builder: t('Builder'), source: t('Source'), commit: t('Commit'), elapsed: t('Elapsed'), choose: t('No build is shown. Start one, or choose one in the Builds view.'), tools: t('Build tools'),
    states: { waiting: t('waiting'), running: t('running'), done: t('done'), failed: t('failed'), skipped: t('skipped') },
  };
}

/** OpenShift's words for the nine steps of Source-to-Image. */
function stepTitles(): Record<BuildStep, string> {
  const t = vscode.l10n.t;
  return {
    SourceLocation: t('Source location'), BuilderImage: t('Builder image'), BuildInstantiated: t('Build instantiated'), SourceFetched: t('Source fetched'), BuilderStarted: t('Builder started with the source'),
    Assemble: t('Assemble'), Dockerfile: t('Dockerfile'), CustomBuild: t('Custom build'), ImageCommitted: t('Image committed'), ImagePushed: t('Image pushed'), ImageStreamUpdated: t('Image stream updated'),
  };
}

export function buildWords(): BuildWords {
  const t = vscode.l10n.t;
  return { steps: stepTitles(), phase: (phase) => stateWord(phase, t), source: (source) => sourceText(source, t), hint: (log) => buildHint(log, t) };
}
