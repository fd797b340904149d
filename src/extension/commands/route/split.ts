import * as vscode from 'vscode';
import { TrafficEditor, type TrafficActions } from '../../traffic/traffic-editor.ts';
import { routeChoice } from '../choices.ts';
import { tellFailure, type Command } from '../command.ts';
import { objectFor } from '../target.ts';

const actions: TrafficActions = {
  open: async ({ metadata: { namespace, name } }) => vscode.commands.executeCommand('slipway.route.open', { namespace, name }),
  failed: tellFailure,
};

/** Opens the page on which a route's requests are shared among services. */
export const splitTrafficCommand: Command = {
  id: 'slipway.route.split',
  async run({ session, traffic }, target) {
    const { metadata } = await objectFor(session, target, routeChoice(session));
    const at = { namespace: metadata.namespace ?? session.project, name: metadata.name };
    traffic.show(`${session.cluster}/${at.namespace}/${at.name}`, vscode.l10n.t('Traffic: {0}', at.name), (send) => new TrafficEditor(session, at, send, actions));
  },
};
