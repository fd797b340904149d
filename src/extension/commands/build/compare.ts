import * as vscode from 'vscode';
import { builds, type Build } from '../../../api/kinds/build.ts';
import type { Session } from '../../connections/session.ts';
import { buildReportUri } from '../../documents/build-report-uri.ts';
import { newestFirst } from '../../explorer/project-content.ts';
import { presentBuild } from '../../explorer/presenters/build.ts';
import { buildChoice } from '../choices.ts';
import { Cancelled, type Command } from '../command.ts';
import { objectFor, selectedObjects } from '../target.ts';

const t = vscode.l10n.t;

/** Two builds side by side in the editor's own comparison: outcome, commit, time of each step, and their logs. */
export const compareBuildsCommand: Command = {
  id: 'slipway.build.compare',
  async run({ session }, target, selected) {
    const chosen = selectedObjects(target, selected).filter(({ of }) => of.plural === builds.plural).map(({ object }) => object as Build);
    if (chosen.length > 2) throw new Error(t('Two builds are compared; {0} are selected.', chosen.length));
    const first = chosen[0] ?? (await objectFor(session, target, buildChoice()));
    const second = chosen[1] ?? (await chooseOther(session, first));
    // What came first stands on the left.
    const [older, newer] = [first, second].sort(newestFirst).reverse() as [Build, Build];
    const name = (build: Build) => build.metadata.name;
    const uri = (build: Build, other: Build | undefined) => vscode.Uri.from(buildReportUri(session.cluster, build.metadata.namespace ?? session.project, name(build), other && name(other)));
    await vscode.commands.executeCommand('vscode.diff', uri(older, undefined), uri(newer, older), t('Build {0} ↔ {1}', name(older), name(newer)), { preview: true });
  },
};

/** The build before it is the one most often meant. */
async function chooseOther(session: Session, first: Build): Promise<Build> {
  const { items } = await session.client.list(builds, { namespace: first.metadata.namespace ?? session.project });
  const same = (build: Build) => Number(build.status.config?.name === first.status.config?.name);
  const others = items.filter((build) => build.metadata.uid !== first.metadata.uid).sort((a, b) => same(b) - same(a) || newestFirst(a, b));
  if (others.length === 0) throw new Error(t('There is no other build in project "{0}" to compare "{1}" with.', first.metadata.namespace ?? session.project, first.metadata.name));
  const earlier = others.findIndex((build) => same(build) === 1 && newestFirst(first, build) < 0);
  const ordered = earlier > 0 ? [...others.slice(earlier, earlier + 1), ...others.slice(0, earlier), ...others.slice(earlier + 1)] : others;
  const shown = ordered.map((build) => {
    const { icon, description } = presentBuild(build, t);
    return { label: `$(${icon}) ${build.metadata.name}`, ...(description && { description }), build };
  });
  const picked = await vscode.window.showQuickPick(shown, { title: t('Compare "{0}" with', first.metadata.name), matchOnDescription: true });
  if (!picked) throw new Cancelled();
  return picked.build;
}
