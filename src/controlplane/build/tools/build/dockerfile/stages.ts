/** The stages of a Dockerfile, and which of them the target needs. Pure. */
import type { Instruction } from './instruction.ts';
import { flagOf } from './instruction.ts';
import { DockerfileError } from './syntax-error.ts';
import { expandWord, splitWords } from './words.ts';

export interface Stage {
  index: number;
  /** Lower case; that of `AS`. */
  name: string | undefined;
  from: Instruction;
  /** What it stands on: an earlier stage, an image, or nothing. Variables replaced. */
  base: { kind: 'stage'; index: number } | { kind: 'image'; name: string } | { kind: 'scratch' };
  platform: string | undefined;
  instructions: Instruction[];
}

export interface Plan {
  stages: Stage[];
  /** `ARG` before the first `FROM`: for `FROM` lines, and for an `ARG` of the same name in a stage. */
  globals: ReadonlyMap<string, string>;
}

export interface StageOptions {
  escape: string;
  /** What the build gives, by name. */
  buildArgs: ReadonlyMap<string, string>;
  /** Known without being declared: `TARGETPLATFORM`, … */
  predefined: ReadonlyMap<string, string>;
  /** Changes an image's name before it is looked for. */
  replaceImage?(name: string, last: boolean): string;
}

const stageName = /^[a-z][a-z0-9_.-]*$/;

export function planStages(instructions: readonly Instruction[], { escape, buildArgs, predefined, replaceImage }: StageOptions): Plan {
  const globals = new Map<string, string>();
  const stages: Stage[] = [];
  const lookup = (name: string) => globals.get(name) ?? predefined.get(name);
  const lastFrom = instructions.findLast(({ keyword }) => keyword === 'FROM');
  for (const instruction of instructions) {
    const { keyword, line } = instruction;
    if (keyword === 'FROM') {
      stages.push(at(line, () => readFrom(instruction, stages, { escape, lookup }, (name) => replaceImage?.(name, instruction === lastFrom) ?? name)));
      continue;
    }
    const stage = stages.at(-1);
    if (stage) stage.instructions.push(instruction);
    else if (keyword === 'ARG') for (const [name, value] of argsOf(instruction, escape, lookup, buildArgs)) globals.set(name, value);
    else throw new DockerfileError(`${keyword} comes before the first FROM; only ARG may`, line);
  }
  if (stages.length === 0) throw new DockerfileError('there is no FROM in it');
  return { stages, globals };
}

/** `ARG name`, `ARG name=default …`; those that have a value. */
export function argsOf(instruction: Instruction, escape: string, lookup: (name: string) => string | undefined, given: ReadonlyMap<string, string>): [string, string][] {
  const found = new Map<string, string>();
  for (const word of splitWords(instruction.rest, escape)) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) throw new DockerfileError(`ARG: "${name}" is no name`, instruction.line);
    const value = given.get(name) ?? (at < 0 ? undefined : expandWord(word.slice(at + 1), { escape, lookup: (wanted) => found.get(wanted) ?? lookup(wanted) }));
    if (value !== undefined) found.set(name, value);
  }
  return [...found];
}

function readFrom(instruction: Instruction, before: readonly Stage[], rules: { escape: string; lookup(name: string): string | undefined }, replace: (name: string) => string): Stage {
  const words = splitWords(instruction.rest, rules.escape);
  const [image = '', as, name, ...more] = words;
  if (more.length > 0 || (as !== undefined && (as.toLowerCase() !== 'as' || name === undefined))) throw new DockerfileError('FROM takes one image, and may name its stage: FROM image AS name');
  const lower = name?.toLowerCase();
  if (lower !== undefined && !stageName.test(lower)) throw new DockerfileError(`"${name}" cannot name a stage: it starts with a letter and has letters, digits, "-", "_" and "."`);
  if (lower !== undefined && before.some((one) => one.name === lower)) throw new DockerfileError(`two stages are named "${name}"`);
  const platform = flagOf(instruction, 'platform');
  const wanted = replace(expandWord(image, rules));
  if (wanted === '') throw new DockerfileError(`FROM ${image} names no image: its variable has no value. Give it one before the first FROM (ARG name=value), or as a build argument`);
  const stage = before.findLast((one) => one.name === wanted.toLowerCase());
  return {
    index: before.length,
    name: lower,
    from: instruction,
    base: wanted === 'scratch' ? { kind: 'scratch' } : stage ? { kind: 'stage', index: stage.index } : { kind: 'image', name: wanted },
    platform: platform === undefined ? undefined : expandWord(platform, rules) || undefined,
    instructions: [],
  };
}

/** The stage that `--from` (of `COPY`, or of a mount) names: by name or number, before `current`. None: it is an image. */
export function stageNamed(stages: readonly Stage[], current: number, from: string): Stage | undefined {
  const earlier = stages.slice(0, current);
  const named = earlier.find(({ name }) => name === from.toLowerCase());
  if (named || !/^\d+$/.test(from)) return named;
  const found = earlier[Number(from)];
  if (!found) throw new DockerfileError(`--from=${from}: there is no such stage before this one`);
  return found;
}

/** Numbers of the stages that `target` stands on or copies from, in their order, `target` last. `sources`: what an instruction names with `--from`. */
export function neededStages(stages: readonly Stage[], target: number, sources: (instruction: Instruction) => readonly string[]): number[] {
  const needed = new Set<number>();
  const visit = (index: number): void => {
    const stage = stages[index];
    if (!stage || needed.has(index)) return;
    needed.add(index);
    if (stage.base.kind === 'stage') visit(stage.base.index);
    for (const instruction of stage.instructions) {
      for (const from of sources(instruction)) {
        const found = stageNamed(stages, index, from);
        if (found) visit(found.index);
      }
    }
  };
  visit(target);
  return [...needed].sort((a, b) => a - b);
}

/** Errors without a line are about this one. */
export function at<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DockerfileError && error.line === undefined) throw new DockerfileError(error.message, line);
    throw error;
  }
}
