import * as vscode from 'vscode';
import { buildHint } from './build-hints.ts';
import type { BuildStrategy } from '../../api/kinds/build.ts';
import type { BuildTexts } from '../../protocol/build-panel.ts';
import { sourceText } from '../explorer/presenters/build.ts';
import { stateWord } from '../explorer/state-words.ts';
import type { BuildWords } from './build-view.ts';
import { feedTexts } from './log-texts.ts';

export function buildTexts(): BuildTexts {
  const t = vscode.l10n.t;
  return {
    ...feedTexts(),
    log: t('Log of the build'), steps: t('Steps of the build'), cancel: t('Cancel'), rebuild: t('Rebuild'), open: t('Open in Browser'), openFile: t('Open {0}', '{0}'), follow: t('Follow'),
    builder: t('Builder'), source: t('Source'), commit: t('Commit'), elapsed: t('Elapsed'), strategy: t('Strategy'), followed: t('Builds that are followed'), unfollow: t('Stop following {0}', '{0}'), choose: t('No build is shown. Start one, or choose one in the Builds view.'), tools: t('Build tools'),
    states: { waiting: t('waiting'), running: t('running'), done: t('done'), failed: t('failed'), skipped: t('skipped') },
  };
}

/** OpenShift's words for the steps of Source-to-Image, of a Dockerfile build, and for the stages of any other. */
function stepTitles(): Record<string, string> {
  const t = vscode.l10n.t;
  return {
    SourceLocation: t('Source location'), BuilderImage: t('Builder image'), BuildInstantiated: t('Build instantiated'), SourceFetched: t('Source fetched'), BuilderStarted: t('Builder started with the source'),
    Assemble: t('Assemble'), ImageCommitted: t('Image committed'), ImagePushed: t('Image pushed'), ImageStreamUpdated: t('Image stream updated'),
    Dockerfile: t('Dockerfile'), CustomBuild: t('Custom build'), FetchInputs: t('Source fetched'), PullImages: t('Images pulled'), Build: t('Build'), PostCommit: t('Post-commit hook'), PushImage: t('Image pushed'),
  };
}

export function stepTitle(step: string, strategy: BuildStrategy['type']): string {
  return step === 'BuilderImage' && strategy === 'Docker' ? vscode.l10n.t('Base image') : (stepTitles()[step] ?? step);
}

export function buildWords(): BuildWords {
  const t = vscode.l10n.t;
  return { step: stepTitle, phase: (phase) => stateWord(phase, t), cached: (count) => t('{0} from the cache', count), source: (source) => sourceText(source, t), hint: (log) => buildHint(log, t) };
}
