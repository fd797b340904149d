import { builds, type Build } from '../../../api/kinds/build.ts';
import type { Session } from '../../connections/session.ts';
import { isActive } from '../../explorer/presenters/build.ts';
import { activeBuildChoice } from '../choices.ts';
import { patiently, type Command } from '../command.ts';
import { named, objectFor, selectedObjects } from '../target.ts';
import * as vscode from 'vscode';

/** Cancels a build, or every selected one that has not ended. */
export const cancelBuildCommand: Command = {
  id: 'slipway.build.cancel',
  async run({ session }, target, selected) {
    const chosen = selectedObjects(target, selected).filter(({ of }) => of.plural === builds.plural).map(({ object }) => object as Build).filter(isActive);
    const doomed = chosen.length > 0 ? chosen : [await objectFor(session, target, activeBuildChoice())];
    await patiently(vscode.l10n.t('Cancelling {0}', doomed.map(({ metadata }) => metadata.name).join(', ')), () => Promise.all(doomed.map((build) => cancelBuild(session, build))));
  },
};

export async function cancelBuild({ client }: Session, build: Build): Promise<void> {
  await client.patch(builds, named(build), 'merge', { status: { cancelled: true } });
}
