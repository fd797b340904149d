import path from 'node:path';
import * as vscode from 'vscode';
import { strategyType, type BuildConfig, type BuildStrategy } from '../../../api/kinds/build.ts';
import { sourceText } from '../../explorer/presenters/build.ts';
import { openFolders } from '../../sources/source-folders.ts';
import { input, pick, runSteps, type PickItem, type Step, type StepPosition } from '../app/steps.ts';
import { buildConfigChoice } from '../choices.ts';
import { Cancelled, type Command } from '../command.ts';
import { objectFor } from '../target.ts';
import { parseVariables, type BuildOptions, type Variable } from './build-request.ts';
import { startBuild } from './start-build.ts';

const t = vscode.l10n.t;

interface Draft extends BuildOptions {
  config: BuildConfig;
  /** The one last sent. */
  known: string | undefined;
  folder?: string | undefined;
}

/** Starts a build as told, step by step; Enter at every step is what *Start Build* does. */
export const startWithOptionsCommand: Command = {
  id: 'slipway.build.startWith',
  async run(context, target, asked) {
    const config = await objectFor(context.session, target, buildConfigChoice());
    const options = isOptions(asked) ? asked : await ask(config, context.sources.folderOf(config));
    const build = await startBuild(context, config, options);
    await context.build.show([build], { announce: true });
    return build.metadata.name;
  },
};

function isOptions(asked: unknown): asked is BuildOptions & { folder?: string } {
  return typeof asked === 'object' && asked !== null && !Array.isArray(asked) && !('contextValue' in asked);
}

async function ask(config: BuildConfig, known: string | undefined): Promise<BuildOptions & { folder?: string }> {
  const draft: Draft = { config, known };
  const { config: _config, known: _known, folder, ...options } = await runSteps(t('Start a build of "{0}"', config.metadata.name), draft, steps, (state) => plan.filter(({ when }) => when(state)).length);
  return folder ? { folder } : options;
}

const sourceStep: Step<Draft> = async (draft, position) => {
  const { source } = draft.config.spec;
  const binary = isBinary(draft);
  const folders = [...new Set([...(draft.known ? [draft.known] : []), ...openFolders()])];
  const items: PickItem<string>[] = [
    ...(binary ? [] : [{ label: `$(repo) ${t('As the build config says')}`, detail: sourceText(source, t), value: '' }]),
    ...folders.map((folder) => ({ label: `$(folder) ${path.basename(folder)}`, description: folder === draft.known ? t('sent last') : t('open folder'), detail: folder, value: folder })),
    { label: `$(folder-opened) ${t('Another folder…')}`, value: 'ask' },
  ];
  const chosen = await pick(position, { placeholder: t('What is built? A folder is sent as it is now, and built as the build config says.'), items });
  draft.folder = chosen === 'ask' ? await askFolder() : chosen || undefined;
};

const commitStep: Step<Draft> = async (draft, position) => {
  const commit = await input(position, {
    prompt: t('Commit, tag or branch. Empty: "{0}".', draft.config.spec.source?.git?.ref ?? t('the default branch')),
    value: draft.commit ?? '',
    check: (text) => (/\s/.test(text) ? t('A commit, tag or branch holds no space.') : undefined),
  });
  if (commit) draft.commit = commit;
  else delete draft.commit;
};

/** Whether what the last build left is used again. */
const cacheStep: Step<Draft> = async (draft, position) => {
  const { sourceStrategy, dockerStrategy } = draft.config.spec.strategy;
  const docker = has(draft, 'Docker');
  const cached = docker ? dockerStrategy?.noCache !== true : (sourceStrategy?.incremental ?? false);
  const usual = t('as the build config says');
  const item = (value: boolean, icon: string, label: string): PickItem<boolean> => ({ label: `$(${icon}) ${label}`, ...(value === cached && { description: usual }), value });
  const items = docker
    ? [item(true, 'layers', t('With the cache: instructions that did not change are not run')), item(false, 'clear-all', t('No cache: every instruction is run'))]
    : [item(true, 'history', t('Incremental: with the artifacts of the last build')), item(false, 'clear-all', t('From scratch'))];
  const chosen = await pick(position, { placeholder: t('What does it begin with?'), items: cached ? items : items.toReversed() });
  delete draft.noCache;
  delete draft.incremental;
  if (chosen === cached) return;
  if (docker) draft.noCache = !chosen;
  else draft.incremental = chosen;
};

const argumentsStep: Step<Draft> = async (draft, position) => void (draft.buildArgs = await askVariables(position, t('Build arguments (ARG) as NAME=value, several with spaces between. Empty: those of the build config.'), draft.buildArgs));
const environmentStep: Step<Draft> = async (draft, position) => void (draft.env = await askVariables(position, t('Environment as NAME=value, several with spaces between. Enter starts the build.'), draft.env));

async function askVariables(position: StepPosition, prompt: string, before: readonly Variable[] = []): Promise<Variable[]> {
  const wrong = (text: string) => {
    const parsed = parseVariables(text);
    return 'wrong' in parsed ? t('"{0}" is not of the form NAME=value.', parsed.wrong) : undefined;
  };
  const text = await input(position, { prompt, value: before.map(({ name, value }) => `${name}=${/^[\w./:@%+,-]*$/.test(value) ? value : `'${value.replaceAll("'", '"\'"')}'`}`).join(' '), placeholder: 'NAME=value OTHER="two words"', check: wrong });
  const parsed = parseVariables(text);
  return 'wrong' in parsed ? [] : parsed;
}

const isBinary = ({ config: { spec: { source } } }: Draft) => source?.type === 'Binary' || source?.binary !== undefined;
const has = ({ config: { spec: { strategy } } }: Draft, ...strategies: BuildStrategy['type'][]) => strategies.includes(strategyType(strategy));
/** With a folder the API takes no other options. */
const told = (draft: Draft) => !draft.folder && !isBinary(draft);

const plan: readonly { step: Step<Draft>; when(draft: Draft): boolean }[] = [
  { step: sourceStep, when: () => true },
  { step: commitStep, when: (draft) => told(draft) && draft.config.spec.source?.git !== undefined },
  { step: cacheStep, when: (draft) => told(draft) && has(draft, 'Source', 'Docker') },
  { step: argumentsStep, when: (draft) => told(draft) && has(draft, 'Docker') },
  { step: environmentStep, when: told },
];
const steps = plan.map(({ step, when }): Step<Draft> => (draft, position) => (when(draft) ? step(draft, position) : Promise.resolve('skipped')));

async function askFolder(): Promise<string> {
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: t('Use This Folder') })) ?? [];
  if (!folder) throw new Cancelled();
  return folder.fsPath;
}
