/** The steps of Create App from Source, each with defaults that fit a plain app. */
import path from 'node:path';
import * as vscode from 'vscode';
import { buildConfigs } from '../../../api/kinds/build.ts';
import { services } from '../../../api/kinds/core.ts';
import type { Resource } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import type { AppSource } from '../../../client/apps/app-plan.ts';
import { findBuilder, listBuilders, type Builder } from '../../../client/apps/builders.ts';
import { GitProbeError, isGitUrl, probeGit } from '../../../detect/git-probe.ts';
import { proposeName, validateAppName } from '../../../detect/name.ts';
import { detectSource, type Detection } from '../../../detect/source.ts';
import { detectToolchains } from '../../../detect/toolchain.ts';
import { Cancelled, type CommandContext } from '../command.ts';
import { input, pick, type PickItem, type Step } from './steps.ts';

/** What is known so far. */
export interface Draft {
  context: CommandContext;
  project: string;
  source?: AppSource;
  detected?: Detection[];
  builder?: Builder;
  name?: string;
  port?: number;
  route?: boolean;
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
  if (chosen === 'git') draft.source = { type: 'git', uri: await askGit(position) };
  else draft.source = { type: 'folder', folder: chosen === 'folder' ? await askFolder() : chosen };
};

async function askFolder(): Promise<string> {
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: t('Use This Folder') })) ?? [];
  if (!folder) throw new Cancelled();
  return folder.fsPath;
}

function askGit(position: Parameters<Step<Draft>>[1]): Promise<string> {
  return input({ ...position, canGoBack: true }, {
    prompt: t('URL of the Git repository'),
    value: '',
    placeholder: 'https://example.com/team/app.git',
    check: (text) => (text === '' || isGitUrl(text) ? undefined : t('Not a Git URL: it begins with https://, ssh:// or git@.')),
    verify: async (text, signal) => (text === '' ? t('A URL is needed.') : refusal(text, {}, signal)),
  });
}

async function refusal(uri: string, options: { ref?: string; contextDir?: string }, signal: AbortSignal): Promise<string | undefined> {
  try {
    await (await probeGit(uri, { ...options, signal })).dispose();
    return undefined;
  } catch (error) {
    if (error instanceof GitProbeError) return error.message;
    throw error;
  }
}

/** Only for Git: branch, tag or commit, and the folder inside, as `ref` or `ref:folder`. */
export const refStep: Step<Draft> = async (draft, position) => {
  const { source } = draft;
  if (source?.type !== 'git') return 'skipped';
  const text = await input(position, {
    prompt: t('Branch, tag or commit, and the folder inside, as "ref:folder". Empty: the default branch, the whole repository.'),
    value: [source.ref ?? '', source.contextDir].filter((part) => part !== undefined).join(':'),
    placeholder: 'main:backend',
    check: () => undefined,
    verify: (answer, signal) => refusal(source.uri, parseRef(answer), signal),
  });
  draft.source = { type: 'git', uri: source.uri, ...parseRef(text) };
  return undefined;
};

function parseRef(text: string): { ref?: string; contextDir?: string } {
  const [ref, contextDir] = text.split(':', 2).map((part) => part.trim());
  return { ...(ref && { ref }), ...(contextDir && { contextDir }) };
}

export const builderStep: Step<Draft> = async (draft, position) => {
  const { source } = draft;
  if (!source) throw new Cancelled();
  const found = (async () => {
    const [builders, detected] = await Promise.all([listBuilders(draft.context.session.client), detect(source)]);
    draft.detected = detected;
    return offer(builders, detected, source);
  })();
  draft.builder = await pick(position, { placeholder: t('How is it built?'), items: found });
};

async function detect(source: AppSource): Promise<Detection[]> {
  if (source.type === 'folder') return detectSource(source.folder);
  const probe = await probeGit(source.uri, { ref: source.ref, contextDir: source.contextDir });
  try {
    return await detectSource(probe.folder);
  } finally {
    await probe.dispose();
  }
}

async function offer(builders: readonly Builder[], detected: readonly Detection[], source: AppSource): Promise<PickItem<Builder>[]> {
  const fits = new Map<string, string>();
  for (const one of detected) {
    const builder = findBuilder(builders, one.builder);
    if (builder && !fits.has(builder.reference)) fits.set(builder.reference, one.reason);
  }
  if (fits.size === 0) await explain(builders, detected, source);
  const show = (builder: Builder, reason?: string): PickItem<Builder> => ({
    label: `$(${reason ? 'pass' : 'package'}) ${builder.displayName}`,
    description: builder.version ? `${builder.reference} · ${builder.version}` : builder.reference,
    detail: reason ? t('detected: {0}', reason) : builder.description,
    value: builder,
  });
  const best = [...fits].flatMap(([reference, reason]) => builders.filter((one) => one.reference === reference).map((one) => show(one, reason)));
  return [...best, ...builders.filter((one) => !fits.has(one.reference)).map((one) => show(one))];
}

/** Nothing fits: says why, with the line that brings a missing toolchain. Ends the flow only if there is no builder at all. */
async function explain(builders: readonly Builder[], detected: readonly Detection[], source: AppSource): Promise<void> {
  const where = source.type === 'folder' ? path.basename(source.folder) : source.uri;
  const [best] = detected;
  const toolchain = best && (await detectToolchains()).find((one) => one.builder === best.builder);
  const text = !best
    ? t('No builder fits "{0}": it holds no package.json, requirements.txt, index.html or the like.', where)
    : toolchain?.missing
      ? t('"{0}" needs {1}, which is not on this machine. {2}', where, best.language, toolchain.missing.install ? t('Install it with: {0}', toolchain.missing.install) : toolchain.missing.why)
      : t('"{0}" looks like {1}, for which there is no builder here.', where, best.language);
  if (builders.length === 0) throw new Error(text);
  void vscode.window.showWarningMessage(text);
}

export const nameStep: Step<Draft> = async (draft, position) => {
  const { source, context: { session } } = draft;
  draft.name = await input(position, {
    prompt: t('Name of the application in project "{0}"', draft.project),
    value: draft.name ?? proposeName(source?.type === 'git' ? source.uri : (source?.folder ?? 'app')),
    check: validateAppName,
    verify: async (name) => {
      for (const of of [buildConfigs, services] as Resource[]) {
        try {
          await session.client.get(of, { namespace: draft.project, name });
          return t('{0} "{1}" already exists in project "{2}".', of.kind, name, draft.project);
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error;
        }
      }
      return undefined;
    },
  });
};

export const portStep: Step<Draft> = async (draft, position) => {
  const proposed = draft.port ?? draft.detected?.find((one) => one.builder === draft.builder?.stream)?.port ?? 8080;
  const text = await input(position, {
    prompt: t('Port the application listens on. Enter makes: build, image, deployment, service and route of "{0}".', draft.name ?? ''),
    value: String(proposed),
    check: (port) => (/^\d+$/.test(port) && Number(port) > 0 && Number(port) < 65536 ? undefined : t('A port from 1 to 65535.')),
  });
  draft.port = Number(text);
  draft.route = true;
};
