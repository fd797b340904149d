import * as vscode from 'vscode';
import { routeUrl } from '../../../client/apps/route-url.ts';
import { previews } from '../../connections/preview-listener.ts';
import { routeChoice } from '../choices.ts';
import type { Command, CommandContext } from '../command.ts';
import { isNode, objectFor } from '../target.ts';

async function urlFor({ session }: CommandContext, target: unknown): Promise<string> {
  if (isNode(target) && target.url) return target.url;
  const route = await objectFor(session, target, routeChoice(session));
  const url = routeUrl(route, session.routerPorts);
  if (!url) throw new Error(vscode.l10n.t('Route "{0}" has not been admitted by a router yet. Try again in a moment.', route.metadata.name));
  return url;
}

/** Opens the app; also where the browser runs on another machine than the extension. */
export const openRouteCommand: Command = {
  id: 'slipway.route.open',
  async run(context, target) {
    const url = await urlFor(context, target);
    const external = await previews.externalUri(url);
    await vscode.env.openExternal(external);
    return external.toString(true);
  },
};

export const copyUrlCommand: Command = {
  id: 'slipway.route.copyUrl',
  async run(context, target) {
    await vscode.env.clipboard.writeText(await urlFor(context, target));
  },
};
