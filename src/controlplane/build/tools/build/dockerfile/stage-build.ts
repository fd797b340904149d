/** Builds one stage: its base, then one instruction after another. */
import { hostPlatform, type RunConfig } from '../../../../../oci/manifest.ts';
import { BuildFailure } from '../failure.ts';
import { parsePlatform, type BaseImage } from './base-image.ts';
import { copiedLayer, copyStep } from './copy-step.ts';
import { dockerBuildFailed } from './failures.ts';
import { configAfter, workingDirAfter } from './image-config.ts';
import { parseInstruction, type Instruction } from './instruction.ts';
import { keyOf } from './key.ts';
import { parseLines } from './lines.ts';
import { resolveOwner, root } from './owners.ts';
import { runStep } from './run-step.ts';
import { argsOf, type Stage } from './stages.ts';
import { addHistory, addLayer, rulesOf, treeOf, type BuildParts, type StageState } from './stage-state.ts';
import { DockerfileError } from './syntax-error.ts';

/** `step` is told each instruction before it is done, `done` what came of it. */
export interface StageWatcher {
  step(instruction: Instruction): void;
  done(layer: { name: string; cached: boolean } | undefined): void;
}

export async function buildStage(stage: Stage, parts: BuildParts, watcher: StageWatcher): Promise<StageState> {
  watcher.step(stage.from);
  const state = await startStage(stage, parts);
  watcher.done(undefined);
  for (const text of state.config.OnBuild ?? []) for (const instruction of triggers(text, parts)) await doInstruction(instruction, state, parts, watcher);
  if (state.config.OnBuild) delete state.config.OnBuild;
  for (const instruction of stage.instructions) await doInstruction(instruction, state, parts, watcher);
  return state;
}

async function startStage(stage: Stage, parts: BuildParts): Promise<StageState> {
  const { base, platform } = stage;
  if (base.kind === 'stage') {
    const from = parts.done.get(base.index);
    if (!from) throw new Error(`stage ${base.index} was not built`);
    return { ...from, stage, layers: [...from.layers], made: [...from.made], config: structuredClone(from.config), history: [...from.history], args: new Map(), commandIsOwn: false };
  }
  if (base.kind === 'scratch') {
    const own = platform === undefined ? hostPlatform() : parsePlatform(platform);
    return { stage, platform: own, layers: [], made: [], key: keyOf('scratch'), config: {}, history: [], author: undefined, base: undefined, args: new Map(), commandIsOwn: false };
  }
  const { name, secret } = parts.imageFor(base.name);
  const image = await parts.images.get(name, platform, secret);
  const { config } = image.image;
  const { os, architecture, variant } = config;
  return {
    stage, platform: { os, architecture, ...(variant && { variant }) }, layers: [...image.layers], made: [], key: baseKey(image),
    config: structuredClone(config.config ?? {}), history: [...(config.history ?? [])], author: config.author, base: image, args: new Map(), commandIsOwn: false,
  };
}

/** By its files; an image that stands on this machine's toolchain also by that, which its digest tells. */
function baseKey({ host, image, layers }: BaseImage): string {
  return host ? keyOf('host', image.digest) : (layers[0]?.key ?? keyOf('scratch'));
}

/** What a base image left for those built on it. */
function triggers(text: string, { escape }: BuildParts): Instruction[] {
  return parseLines(escape === '`' ? `# escape=\`\n${text}` : text).lines.map((line) => parseInstruction(line, escape));
}

async function doInstruction(instruction: Instruction, state: StageState, parts: BuildParts, watcher: StageWatcher): Promise<void> {
  parts.signal.throwIfAborted();
  watcher.step(instruction);
  try {
    watcher.done(await change(instruction, state, parts));
  } catch (error) {
    parts.signal.throwIfAborted();
    if (error instanceof BuildFailure || ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const { message } = error as Error;
    throw dockerBuildFailed(error instanceof DockerfileError && error.line !== undefined ? message : `line ${instruction.line}, ${instruction.text.split('\n')[0]?.slice(0, 120)}: ${message}`, { cause: error });
  }
}

async function change(instruction: Instruction, state: StageState, parts: BuildParts): Promise<{ name: string; cached: boolean } | undefined> {
  const { keyword, rest, line, text } = instruction;
  const nop = `/bin/sh -c #(nop) ${text}`;
  const rules = rulesOf(state, parts);
  switch (keyword) {
    case 'RUN': {
      const { layer, cached, shown } = await runStep(instruction, state, parts);
      const given = [...state.args].map(([name, value]) => `${name}=${value}`);
      addLayer(state, layer, given.length > 0 ? `|${given.length} ${given.join(' ')} ${shown}` : shown);
      return { name: layer.name, cached };
    }
    case 'COPY':
    case 'ADD': {
      const { layer, cached } = await copyStep(instruction, state, parts);
      addLayer(state, layer, nop);
      return { name: layer.name, cached };
    }
    case 'WORKDIR': {
      const path = workingDirAfter(rest, state.config, rules);
      state.config = { ...state.config, WorkingDir: path };
      const { name, found } = await treeOf(state, parts).resolve(path.slice(1));
      if (found && !found.stat.isDirectory()) throw new DockerfileError(`${path} is a file in the image`, line);
      if (found) {
        addHistory(state, nop);
        return undefined;
      }
      const user = state.config.User ?? '';
      const ids = user === '' ? root : await resolveOwner(user, treeOf(state, parts), 'USER').catch(() => root);
      const { layer, cached } = await copiedLayer([{ name, type: 'directory', mode: 0o755, ids, mtime: 0, content: undefined, target: undefined, implied: true }], state.key, state, parts);
      addLayer(state, layer, nop);
      return { name: layer.name, cached };
    }
    case 'ARG':
      for (const [name, value] of declared(instruction, state, parts)) state.args.set(name, value);
      addHistory(state, nop);
      return undefined;
    case 'MAINTAINER':
      state.author = rest;
      addHistory(state, nop);
      return undefined;
    case 'ONBUILD': {
      const [trigger] = parseLines(`${rest}\n${instruction.heredocs.map(({ raw }) => raw).join('')}`).lines;
      if (!trigger || ['ONBUILD', 'FROM', 'MAINTAINER'].includes(trigger.keyword)) throw new DockerfileError(`ONBUILD ${trigger?.keyword ?? ''} is not allowed`, line);
      parseInstruction(trigger, parts.escape);
      state.config = { ...state.config, OnBuild: [...(state.config.OnBuild ?? []), [rest, ...instruction.heredocs.map(({ raw }) => raw.replace(/\n$/, ''))].join('\n')] };
      addHistory(state, nop);
      return undefined;
    }
    default: {
      const next = configAfter(instruction, state.config, { ...rules, commandIsOwn: state.commandIsOwn });
      if (!next) throw new DockerfileError(`${keyword} cannot stand here`, line);
      if (keyword === 'CMD') state.commandIsOwn = true;
      state.config = withoutEmpty(next);
      addHistory(state, nop);
      return undefined;
    }
  }
}

/** `ARG` in a stage: what the build gives, its default, what stands before the first `FROM`, what is known without being given. */
function declared(instruction: Instruction, state: StageState, parts: BuildParts): [string, string][] {
  const { buildArgs, plan, predefined, proxies, escape } = parts;
  const found = new Map(argsOf(instruction, escape, rulesOf(state, parts).lookup, buildArgs));
  for (const word of instruction.rest.split(/\s+/)) {
    if (word.includes('=') || found.has(word)) continue;
    const value = plan.globals.get(word) ?? predefined.get(word) ?? proxies.get(word);
    if (value !== undefined) found.set(word, value);
  }
  return [...found];
}

function withoutEmpty(config: RunConfig): RunConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null && value !== undefined && value !== '')) as RunConfig;
}
