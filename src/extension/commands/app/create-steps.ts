/** The steps of Create App from Source, each with defaults that fit a plain app. */
import * as vscode from 'vscode';
import { buildConfigs } from '../../../api/kinds/build.ts';
import { services } from '../../../api/kinds/core.ts';
import { deploymentConfigs } from '../../../api/kinds/deployment-config.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { AppSource } from '../../../client/apps/app-plan.ts';
import { isGitUrl } from '../../../detect/git-probe.ts';
import { proposeName, validateAppName } from '../../../detect/name.ts';
import { detectSource, type Detection } from '../../../detect/source.ts';
import type { Session } from '../../connections/session.ts';
import { wordFor } from '../choices.ts';
import { Cancelled } from '../command.ts';
import { builderItems, type BuilderChoice } from './builder-items.ts';
import type { Checkout } from './checkout.ts';
import { input, pick, type PickItem, type Step, type StepPosition } from './steps.ts';

/** What is known so far. */
export interface Draft {
  session: Session;
  checkout: Checkout;
  project: string;
  source?: AppSource;
  detected?: Detection[];
  builder?: BuilderChoice;
  name?: string;
  port?: number;
  route: boolean;
}

const t = vscode.l10n.t;

export const sourceStep: Step<Draft> = async (draft, position) => {
  const open = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === 'file');
  const items: PickItem<string>[] = [
    ...open.map((folder) => ({ label: `$(folder) ${folder.name}`, description: t('open folder'), detail: folder.uri.fsPath, value: folder.uri.fsPath })),
    { label: `$(folder-opened) ${t('Another folder…')}`, value: 'folder' },
    { label: `$(repo) ${t('Git repository…')}`, value: 'git' },
  ];
  const chosen = await pick(position, { placeholder: t('Where is the source?'), items });
  draft.source = chosen === 'git' ? { type: 'git', uri: await askGit(draft, position) } : { type: 'folder', folder: chosen === 'folder' ? await askFolder() : chosen };
};

async function askFolder(): Promise<string> {
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: t('Use This Folder') })) ?? [];
  if (!folder) throw new Cancelled();
  return folder.fsPath;
}

function askGit({ checkout, source }: Draft, position: StepPosition): Promise<string> {
  return input({ ...position, canGoBack: true }, {
    prompt: t('URL of the Git repository'),
    value: source?.type === 'git' ? source.uri : '',
    placeholder: 'https://example.com/team/app.git',
    check: (text) => (text === '' || isGitUrl(text) ? undefined : t('Not a Git URL: it begins with https://, ssh:// or git@.')),
    verify: async (uri, signal) => (uri === '' ? t('A URL is needed.') : checkout.refusal({ uri }, signal)),
  });
}

/** Only for Git: branch, tag or commit, and the folder inside, as `ref` or `ref:folder`. */
export const refStep: Step<Draft> = async (draft, position) => {
  const { source, checkout } = draft;
  if (source?.type !== 'git') return 'skipped';
  const text = await input(position, {
    prompt: t('Branch, tag or commit, and the folder inside, as "ref:folder". Empty: the default branch, the whole repository.'),
    value: [source.ref ?? '', source.contextDir].filter((part) => part !== undefined).join(':'),
    placeholder: 'main:backend',
    check: () => undefined,
    verify: (answer, signal) => checkout.refusal({ uri: source.uri, ...parseRef(answer) }, signal),
  });
  draft.source = { type: 'git', uri: source.uri, ...parseRef(text) };
  return undefined;
};

function parseRef(text: string): { ref?: string; contextDir?: string } {
  const [ref, contextDir] = text.split(':', 2).map((part) => part.trim());
  return { ...(ref && { ref }), ...(contextDir && { contextDir }) };
}

export const builderStep: Step<Draft> = async (draft, position) => {
  const { source, session, checkout } = draft;
  if (!source) throw new Cancelled();
  const items = (async () => {
    const folder = source.type === 'folder' ? source.folder : await checkout.folder(source);
    draft.detected = await detectSource(folder);
    return builderItems(session.client, draft.project, draft.detected, source);
  })();
  draft.builder = await pick(position, { placeholder: t('How is it built?'), items });
};

/** Kinds that carry the application's name: one that is there already would be in its way. */
const named: readonly Resource[] = [buildConfigs, deploymentConfigs, services];

export const nameStep: Step<Draft> = async (draft, position) => {
  const { source, session, project } = draft;
  draft.name = await input(position, {
    prompt: t('Name of the application in project "{0}"', project),
    value: draft.name ?? proposeName(source?.type === 'git' ? (source.contextDir ?? source.uri) : (source?.folder ?? 'app')),
    check: (name) => (validateAppName(name) ? t('At most 50 lower-case letters, digits and "-", a letter first: try "{0}".', proposeName(name)) : undefined),
    verify: async (name) => {
      for (const of of named) if (await exists(session, of, project, name)) return t('{0} "{1}" already exists in project "{2}". Choose another name.', wordFor(session, of), name, project);
      return undefined;
    },
  });
};

async function exists({ client }: Session, of: Resource, namespace: string, name: string): Promise<boolean> {
  try {
    await client.get(of, { namespace, name });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}

function builderName(builder: BuilderChoice | undefined): string | undefined {
  if (!builder) return undefined;
  return 'stream' in builder ? builder.stream : 'docker';
}

export const portStep: Step<Draft> = async (draft, position) => {
  const proposed = draft.port ?? draft.detected?.find((one) => one.builder === builderName(draft.builder))?.port ?? 8080;
  const text = await input(position, {
    prompt: () => (draft.route
      ? t('Port the application listens on. Enter makes "{0}": image, build, deployment, service, and a route to it.', draft.name ?? '')
      : t('Port the application listens on. Enter makes "{0}": image, build, deployment and service, without a route.', draft.name ?? '')),
    value: String(proposed),
    check: (port) => (/^\d+$/.test(port) && Number(port) > 0 && Number(port) < 65536 ? undefined : t('A port from 1 to 65535.')),
    button: {
      look: () => (draft.route ? { icon: 'globe', tooltip: t('Make no route') } : { icon: 'circle-slash', tooltip: t('Make a route') }),
      press: () => (draft.route = !draft.route),
    },
  });
  draft.port = Number(text);
};
