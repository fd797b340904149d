/** Tells once how a build that the user started ended, whatever the panel shows by then. */
import * as vscode from 'vscode';
import type { Build } from '../../api/kinds/build.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { routes } from '../../api/kinds/route.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { BuildHint } from './build-hints.ts';

export interface AnnouncementActions {
  showBuild(build: Build): Promise<unknown>;
  showAppLog(namespace: string, app: string): Promise<unknown>;
  open(namespace: string, route: string): Promise<unknown>;
  openFile(build: Build, file: string): Promise<unknown>;
}

/** A new image that changes nothing starts no deployment; longer than this it is not waited for. */
const rolloutMs = 15_000;

export async function announceBuild(client: Client, build: Build, hint: (log: string) => BuildHint | undefined, actions: AnnouncementActions, signal: AbortSignal): Promise<void> {
  const { followBuild } = await import('../../client/apps/follow-app.ts');
  const at = { namespace: build.metadata.namespace ?? 'default', name: build.metadata.name };
  const app = { namespace: at.namespace, name: build.status.config?.name ?? at.name };
  const before = await versionOf(client, app);
  const ended = await followBuild(client, at, () => undefined, signal);
  if (ended.status.phase === 'Cancelled') return;
  if (ended.status.phase !== 'Complete') return tellFailed(ended, hint(`${ended.status.message ?? ''}\n${ended.status.logSnippet ?? ''}`), actions);
  await vscode.commands.executeCommand('setContext', 'slipway.built', true);
  try {
    const route = await untilRuns(client, app, before, signal);
    const open = vscode.l10n.t('Open in Browser');
    // An image that nothing here deploys is all there is to tell.
    const text = before === undefined && !route ? vscode.l10n.t('"{0}" is built.', app.name) : vscode.l10n.t('"{0}" is built and runs.', app.name);
    const answer = await vscode.window.showInformationMessage(text, ...(route ? [open] : []));
    if (answer === open && route) await actions.open(app.namespace, route);
  } catch (error) {
    if (signal.aborted) return;
    const show = vscode.l10n.t('Show Log');
    if ((await vscode.window.showErrorMessage(vscode.l10n.t('"{0}" is built, but does not run: {1}', app.name, (error as Error).message), show)) === show) await actions.showAppLog(app.namespace, app.name);
  }
}

async function tellFailed(build: Build, hint: BuildHint | undefined, actions: AnnouncementActions): Promise<void> {
  const show = vscode.l10n.t('Show Log');
  const open = hint?.file && vscode.l10n.t('Open {0}', hint.file);
  const why = [build.status.message ?? build.status.reason ?? '', hint?.text].filter(Boolean).join(' ');
  const answer = await vscode.window.showErrorMessage(vscode.l10n.t('Build "{0}" failed: {1}', build.metadata.name, why), show, ...(open ? [open] : []));
  if (answer === show) await actions.showBuild(build);
  if (answer && answer === open && hint?.file) await actions.openFile(build, hint.file);
}

/** Waits for the deployment of the new image, and for an answer through the route; its name, if there is one. */
async function untilRuns(client: Client, app: { namespace: string; name: string }, before: number | undefined, signal: AbortSignal): Promise<string | undefined> {
  const { followObject, followRollout, followRoute } = await import('../../client/apps/follow-app.ts');
  if (before !== undefined) {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(rolloutMs)]);
    await followObject(client, deploymentConfigs, app, (config) => ((config.status?.latestVersion ?? 0) > before ? true : undefined), soon).catch((error: unknown) => {
      if (!soon.aborted) throw error;
    });
    await followRollout(client, app, signal);
  }
  const route = await routeOf(client, app);
  if (!route) return undefined;
  const { untilAnswers } = await import('../../client/apps/answers.ts');
  await untilAnswers(await followRoute(client, { ...app, name: route }, signal), undefined, signal);
  return route;
}

/** The number of the newest deployment; `undefined` if the application is not deployed by a deployment config. */
async function versionOf(client: Client, app: { namespace: string; name: string }): Promise<number | undefined> {
  const config = await found(client.get(deploymentConfigs, app));
  return config && (config.status?.latestVersion ?? 0);
}

/** The route that carries the application's name, if there is one. */
export async function routeOf(client: Client, app: { namespace: string; name: string }): Promise<string | undefined> {
  return (await found(client.get(routes, app)))?.metadata.name;
}

async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isStatusError(error, 'NotFound', 'Forbidden')) return undefined;
    throw error;
  }
}
