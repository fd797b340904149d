import * as vscode from 'vscode';
import { imageStreamImports, type ImageStreamImport } from '../../../api/kinds/image.ts';
import type { Session } from '../../connections/session.ts';
import { isImageNode } from '../../explorer/image-nodes.ts';
import { input, pick, runSteps, type Step } from '../app/steps.ts';
import { patiently, type Command } from '../command.ts';
import { isNode } from '../target.ts';
import { importFailure, importOf, parseTagName, proposedName, type ImportOptions, type TagName } from './tag-plan.ts';

const t = vscode.l10n.t;

interface Draft extends ImportOptions {
  pullSpec?: string;
  to?: TagName;
}

/** Brings an image of another registry under a tag, once or from time to time; on a tag that was imported it looks for a newer one. */
export const importImageCommand: Command = {
  id: 'slipway.image.import',
  async run({ session }, target, asked) {
    const draft = isNode(target) && isImageNode(target) ? again(target.object.metadata.name, target.tag, target.object.spec.tags) : typeof asked === 'object' && asked !== null && 'pullSpec' in asked ? (asked as Draft) : await ask();
    const { pullSpec = '', to = parseTagName(proposedName(pullSpec)), ...options } = draft;
    if (!to) throw new Error(t('Of the form stream:tag, such as web:v1.'));
    const namespace = isNode(target) ? (target.object?.metadata.namespace ?? session.project) : session.project;
    await patiently(t('Importing {0}', pullSpec), () => importImage(session, namespace, to, pullSpec, options));
  },
};

async function importImage({ client }: Session, namespace: string, to: TagName, pullSpec: string, options: ImportOptions): Promise<void> {
  const failure = importFailure(await client.create<ImageStreamImport>(imageStreamImports, importOf(namespace, to, pullSpec, options), { namespace }));
  if (failure) throw new Error(t('"{0}" could not be imported: {1}', pullSpec, failure));
}

function again(stream: string, tag: string, tags: { name: string; from?: { kind?: string; name?: string }; importPolicy?: ImportOptions }[] | undefined): Draft {
  const { from, importPolicy } = tags?.find(({ name }) => name === tag) ?? {};
  if (from?.kind !== 'DockerImage' || !from.name) throw new Error(t('Tag "{0}:{1}" was not imported.', stream, tag));
  return { pullSpec: from.name, to: { stream, tag }, ...(importPolicy?.scheduled && { scheduled: true }), ...(importPolicy?.insecure && { insecure: true }) };
}

const pullSpecStep: Step<Draft> = async (draft, position) => {
  draft.pullSpec = await input(position, {
    prompt: t('Pull spec of the image'), value: draft.pullSpec ?? '', placeholder: 'quay.io/team/app:1.0',
    check: (text) => (/^\S*$/.test(text) ? undefined : t('A pull spec holds no space.')), verify: (text) => Promise.resolve(text === '' ? t('A pull spec is needed, such as quay.io/team/app:1.0.') : undefined),
  });
};
const nameStep: Step<Draft> = async (draft, position) => {
  const text = await input(position, { prompt: t('Tag it gets here, as stream:tag'), value: draft.to ? `${draft.to.stream}:${draft.to.tag}` : proposedName(draft.pullSpec ?? ''), check: (one) => (parseTagName(one) ? undefined : t('Of the form stream:tag, such as web:v1.')) });
  const to = parseTagName(text);
  if (to) draft.to = to;
};
const policyStep: Step<Draft> = async (draft, position) => {
  const { scheduled, insecure } = await pick<ImportOptions>(position, {
    placeholder: t('How is it imported?'),
    items: [
      { label: `$(cloud-download) ${t('Once')}`, value: {} }, { label: `$(history) ${t('Now and from time to time')}`, value: { scheduled: true } },
      { label: `$(unlock) ${t('Once, from a registry without a valid certificate')}`, value: { insecure: true } },
    ],
  });
  draft.scheduled = scheduled ?? false;
  draft.insecure = insecure ?? false;
};

function ask(): Promise<Draft> {
  return runSteps<Draft>(t('Import image'), {}, [pullSpecStep, nameStep, policyStep], () => 3);
}
