import * as vscode from 'vscode';
import { builds, type Build } from '../../../api/kinds/build.ts';
import { buildChoice } from '../choices.ts';
import { Advice, patiently, type Command } from '../command.ts';
import { named, objectFor } from '../target.ts';
import { needTrust } from '../trust.ts';

/** Repeats a build with the same revision, whatever its build config says by now. */
export const cloneBuildCommand: Command = {
  id: 'slipway.build.clone',
  async run({ session, build: panel }, target) {
    const build = await objectFor(session, target, buildChoice());
    const { name } = build.metadata;
    needTrust(name);
    const config = build.status.config?.name;
    if (build.spec.source?.binary && config) {
      throw new Advice(vscode.l10n.t('"{0}" was built from a folder that was sent to it; a cluster does not keep it. A new build sends the folder as it is now.', name), [
        { title: vscode.l10n.t('Start Build'), run: () => vscode.commands.executeCommand('slipway.build.start', { namespace: build.metadata.namespace, name: config }) },
      ]);
    }
    const request = { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name }, triggeredBy: [{ message: 'Manually triggered' }] };
    const made = await patiently(vscode.l10n.t('Repeating build "{0}"', name), () => session.client.create<Build>(builds, request, { ...named(build), subresource: 'clone' }));
    await panel.show([made], { announce: true });
    return made.metadata.name;
  },
};
