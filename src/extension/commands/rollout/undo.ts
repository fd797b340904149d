import * as vscode from 'vscode';
import type { Revision } from '../../../client/rollout/revisions.ts';
import type { RolloutTarget } from '../../../client/rollout/target.ts';
import type { Session } from '../../connections/session.ts';
import { compareRevisions } from '../../rollout/compare.ts';
import { undoTo } from '../../rollout/rollout-actions.ts';
import { rolloutWords } from '../../rollout/rollout-texts.ts';
import { shortImage } from '../../rollout/rollout-view.ts';
import { Cancelled, confirm, patiently, type Command } from '../command.ts';
import { rolloutTargetFor } from './target.ts';

export const undoRolloutCommand: Command = {
  id: 'slipway.rollout.undo',
  async run({ session }, asked) {
    const target = await rolloutTargetFor(session, asked, 'undo');
    const revisions = await revisionsOf(session, target);
    const { number } = await chooseRevision(revisions.filter(({ current }) => !current), vscode.l10n.t('Roll back "{0}" to which revision?', target.name), vscode.l10n.t('"{0}" has no earlier revision to go back to.', target.name));
    await undoTo(session, target, number, { confirm, work: (run) => patiently(vscode.l10n.t('Rolling back "{0}"', target.name), run) });
  },
};

export const compareRevisionsCommand: Command = {
  id: 'slipway.rollout.compare',
  async run({ session }, asked) {
    const target = await rolloutTargetFor(session, asked, 'history');
    const revisions = await revisionsOf(session, target);
    const none = vscode.l10n.t('"{0}" has only one revision.', target.name);
    const one = await chooseRevision(revisions.length > 1 ? revisions : [], vscode.l10n.t('Compare which revision of "{0}"?', target.name), none);
    const other = await chooseRevision(revisions.filter((revision) => revision !== one), vscode.l10n.t('With which revision?'), none);
    await compareRevisions(session.cluster, target, one.number, other.number);
  },
};

async function revisionsOf({ client }: Session, target: RolloutTarget): Promise<Revision[]> {
  const { readHistory } = await import('../../../client/rollout/history.ts');
  return (await readHistory(client, target)).revisions;
}

async function chooseRevision(revisions: readonly Revision[], title: string, none: string): Promise<Revision> {
  if (revisions.length === 0) throw new Error(none);
  const words = rolloutWords();
  const items = revisions.map((revision) => ({
    label: `$(${revision.current ? 'pass-filled' : revision.phase === 'Failed' ? 'error' : 'history'}) ${words.revision(revision.number)}`,
    description: [revision.current ? vscode.l10n.t('current') : '', revision.created && new Date(revision.created).toLocaleString(vscode.env.language), words.cause(revision.cause)].filter(Boolean).join(' · '),
    detail: revision.template.spec?.containers.map(({ image = '' }) => shortImage(image)).join(', ') ?? '', revision,
  }));
  const picked = await vscode.window.showQuickPick(items, { title, matchOnDescription: true, matchOnDetail: true });
  if (!picked) throw new Cancelled();
  return picked.revision;
}
