/** The builders as they are offered: those that fit first, each with its reason. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { AppSource } from '../../../client/apps/app-plan.ts';
import { awaitBuilder, findBuilder, fittingVersion, listBuilders, versionFits, type Builder } from '../../../client/apps/builders.ts';
import type { Client } from '../../../client/client.ts';
import type { Detection } from '../../../detect/source.ts';
import { detectToolchains } from '../../../detect/toolchain.ts';
import { hintFits } from '../../../detect/version-hint.ts';
import { Advice, tellFailure } from '../command.ts';
import type { PickItem } from './steps.ts';

const t = vscode.l10n.t;

/** A builder, or the source's own Dockerfile, by its path. */
export type BuilderChoice = Builder | { dockerfile: string };

/** Rejects with `Advice` if there is no builder at all. */
export async function builderItems(client: Client, project: string, detected: readonly Detection[], source: AppSource): Promise<PickItem<BuilderChoice>[]> {
  const dockerfile = detected.find((one) => one.builder === 'docker');
  const languages = detected.filter((one) => one !== dockerfile);
  const { all, builders } = await offered(client, project, languages[0]);
  const reasons = new Map<Builder, string>();
  for (const one of languages) {
    const usual = findBuilder(builders, one.builder);
    const builder = usual && fittingVersion(all, usual, (version) => hintFits(one.version, version));
    if (builder && !reasons.has(builder)) reasons.set(builder, reasonOf(one, builder));
  }
  if (reasons.size === 0 && !dockerfile) {
    const advice = await nothingFits(detected, source);
    if (builders.length === 0) throw advice;
    void tellFailure(advice);
  }
  const item = (builder: Builder): PickItem<BuilderChoice> => {
    const reason = reasons.get(builder);
    return {
      label: `$(${reason ? 'pass' : 'package'}) ${builder.displayName.replace(/ \(latest\)$/, '')}`,
      description: builder.reference,
      detail: reason ?? builder.description,
      value: builder,
    };
  };
  const own: PickItem<BuilderChoice>[] = dockerfile ? [{ label: '$(pass) Dockerfile', ...(dockerfile.file !== 'Dockerfile' && { description: dockerfile.file }), detail: t('detected: the source\'s own instructions'), value: { dockerfile: dockerfile.file } }] : [];
  return [...own, ...[...reasons.keys(), ...builders.filter((one) => !reasons.has(one))].map(item)];
}

/** With the version that the source asks for, and a word if this one does not fit. */
function reasonOf({ reason, version: hint }: Detection, builder: Builder): string {
  const has = builder.exactVersion ?? builder.version;
  if (!hint || has === undefined || versionFits(builder, (version) => hintFits(hint, version))) return t('detected: {0}', reason);
  return t('detected: {0}; {1} asks for {2}, this machine has {3}', reason, hint.from, hint.wanted, has);
}

/** Each version once, under the name `latest` where that is it. A builder that this machine can have and a fresh platform is still making is waited for. */
async function offered(client: Client, project: string, best: Detection | undefined): Promise<{ all: Builder[]; builders: Builder[] }> {
  let builders = await listBuilders(client, project);
  if (best && !findBuilder(builders, best.builder) && (await detectToolchains()).some((one) => one.builder === best.builder && one.found)) {
    await awaitBuilder(client, best.builder);
    builders = await listBuilders(client, project);
  }
  const latest = (of: Builder) => builders.find((one) => one.reference === of.reference.replace(/[^:]*$/, 'latest'));
  return { all: builders, builders: builders.filter((one) => one.tag === 'latest' || one.version === undefined || latest(one)?.version !== one.version) };
}

/** Why no builder fits, with the line that brings a missing toolchain. */
async function nothingFits(detected: readonly Detection[], source: AppSource): Promise<Advice> {
  const where = source.type === 'folder' ? path.basename(source.folder) : source.uri;
  const [best] = detected;
  if (!best) return new Advice(t('No builder fits "{0}": it holds no package.json, requirements.txt, index.html or the like.', where));
  const missing = (await detectToolchains()).find((one) => one.builder === best.builder)?.missing;
  if (!missing) return new Advice(t('"{0}" looks like {1}, for which there is no builder here.', where, best.language));
  const { install, why } = missing;
  if (!install) return new Advice(t('"{0}" needs {1}, which is not on this machine: {2}', where, best.language, why));
  return new Advice(t('"{0}" needs {1}, which is not on this machine. Install it with: {2}', where, best.language, install), [
    { title: t('Copy Command'), run: () => vscode.env.clipboard.writeText(install) },
  ]);
}
