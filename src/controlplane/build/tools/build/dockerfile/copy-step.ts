/** `COPY`, `ADD` and the folder of `WORKDIR`: a layer of what is copied, or the one an earlier build made of the same. */
import { rm } from 'node:fs/promises';
import { posix } from 'node:path';
import { withoutPassword } from '../../../../../api/shown-url.ts';
import { archiveKind, download, fetchRepository, isGit, isUrl, unpackArchive } from './add-sources.ts';
import { copyDigest, parseMode, planCopy, type CopyEntry, type CopyRequest } from './copy-plan.ts';
import { writeCopy } from './copy-write.ts';
import { flagOf, switchOf, type Instruction } from './instruction.ts';
import { keyOf } from './key.ts';
import type { StoredLayer } from './layer-store.ts';
import { ownerIn, ownerRecord, resolveOwner, root, surveyLayer, type Ids, type OwnedLayer } from './owners.ts';
import { stageNamed } from './stages.ts';
import { foldersOf, rulesOf, treeOf, type BuildParts, type StageState } from './stage-state.ts';
import { DockerfileError } from './syntax-error.ts';
import { Tree, type TreeFile } from './tree.ts';
import { expandText, expandWord, splitWords } from './words.ts';

/** Where a copy takes its files from. */
export interface CopySource {
  tree: Tree;
  name: string;
  /** Topmost first; none: everything is root's, as of the context. */
  owned: readonly OwnedLayer[];
  /** What stands for its content in keys; none: the content itself does. */
  key: string | undefined;
}

/** The context, or what `--from` names. */
export async function copySource(state: StageState, parts: BuildParts, from: string | undefined): Promise<CopySource> {
  if (from === undefined) return { tree: parts.context, name: parts.ignored > 0 ? `the build context (.dockerignore leaves out ${parts.ignored} path${parts.ignored === 1 ? '' : 's'})` : 'the build context', owned: [], key: undefined };
  if (from.includes('$')) throw new DockerfileError(`--from=${from}: variables are not replaced there; name a stage of its own: FROM ${from} AS name`);
  const stage = stageNamed(parts.plan.stages, state.stage.index, from);
  const done = stage && parts.done.get(stage.index);
  if (stage && !done) throw new Error(`stage ${from} was not built`);
  if (done) return { tree: treeOf(done, parts), name: `stage ${from}`, owned: done.layers, key: done.key };
  const { name, secret } = parts.imageFor(from);
  const image = await parts.images.get(name, undefined, secret);
  return { tree: new Tree([...image.layers.map(({ folder }) => folder), parts.empty]), name: `image ${from}`, owned: image.layers, key: image.image.digest };
}

/** Answers with the layer, and whether an earlier build had made it. */
export async function copyStep(instruction: Instruction, state: StageState, parts: BuildParts): Promise<{ layer: StoredLayer; cached: boolean }> {
  const rules = rulesOf(state, parts);
  const expand = (text: string) => expandWord(text, rules);
  const flag = (name: string) => {
    const value = flagOf(instruction, name);
    return value === undefined ? undefined : expand(value);
  };
  const isAdd = instruction.keyword === 'ADD';
  const words = instruction.list ?? splitWords(instruction.rest, parts.escape);
  const destination = expand(words.at(-1) ?? '');
  const written = words.slice(0, -1);
  if (written.length === 0 || destination === '') throw new DockerfileError(`${instruction.keyword} needs a source and a destination`);
  if (isAdd && flagOf(instruction, 'from') !== undefined) throw new DockerfileError('ADD knows no flag --from; use COPY');
  const link = switchOf(instruction, 'link');
  const source = await copySource(state, parts, isAdd ? undefined : flagOf(instruction, 'from'));
  const chown = flag('chown');
  const image = treeOf(state, parts);
  const wanted = chown === undefined ? undefined : await resolveOwner(chown, image, '--chown');
  const chmod = flag('chmod');
  const request: Omit<CopyRequest, 'from' | 'fromName' | 'sources' | 'inline' | 'ids'> = {
    destination, workingDir: state.config.WorkingDir || '/', into: link ? undefined : image, mode: chmod === undefined ? undefined : parseMode(chmod),
    exclude: instruction.flags.filter(({ name }) => name === 'exclude').map(({ value }) => expand(value)), parents: switchOf(instruction, 'parents'), mtime: undefined,
  };
  const ids = (owned: readonly OwnedLayer[]) => async (file: TreeFile): Promise<Ids> => wanted ?? (file.stat === undefined || owned.length === 0 ? root : ((await ownerIn(owned, file.name))?.ids ?? root));

  const inline: { name: string; content: Buffer }[] = [];
  const local: string[] = [];
  const remote: string[] = [];
  for (const word of written) {
    const heredoc = /^<<-?\s*(["']?)([^"'<]+)\1$/.exec(word)?.[2];
    const document = heredoc === undefined ? undefined : instruction.heredocs.find(({ name }) => name === heredoc);
    if (document) inline.push({ name: document.name, content: Buffer.from(document.expand ? expandText(document.content, rules) : document.content) });
    else {
      const path = expand(word);
      (isAdd && (isUrl(path) || isGit(path)) ? remote : local).push(path);
    }
  }
  const several = local.length + remote.length + inline.length > 1;
  if (several && !destination.endsWith('/') && destination !== '.') await mustBeFolder(image, request.workingDir, destination, link);

  // Of a stage or an image the content need not be looked at: what made it says enough.
  const short = source.key === undefined || inline.length > 0 ? undefined : keyOf('copy from', link ? '' : state.key, source.key, local, destination, request.workingDir, wanted ?? null, chmod ?? null, request.exclude, request.parents);
  const known = short === undefined ? undefined : await parts.store.find(short);
  if (known) return { layer: known, cached: true };

  const entries = new Map<string, CopyEntry>();
  const add = (more: readonly CopyEntry[]) => {
    for (const entry of more) entries.set(entry.name, entry);
  };
  const extracted: CopyEntry[][] = [];
  if (local.length > 0 || inline.length > 0) {
    const archives = isAdd ? await archivesAmong(local, source.tree, flag('unpack')) : new Map<string, TreeFile>();
    const plain = local.filter((path) => !archives.has(path));
    if (plain.length > 0 || inline.length > 0)
      add(await planCopy({ ...request, ...(several && !destination.endsWith('/') && { destination: `${destination}/` }), from: source.tree, fromName: source.name, sources: plain, inline, ids: ids(source.owned), mtime: source.owned.length === 0 ? parts.mtime : undefined }));
    for (const file of archives.values()) extracted.push(await fromArchive(file.path));
  }
  for (const url of remote) {
    if (isGit(url)) extracted.push(await fromRepository(url));
    else {
      const file = await download(url, parts.settings.folder, flag('checksum'), parts.signal);
      const kind = flag('unpack') === 'true' ? await archiveKind(file.path) : undefined;
      if (kind) extracted.push(await fromArchive(file.path));
      else {
        const into = destination.endsWith('/') ? `${destination}${file.name}` : destination;
        if (into.endsWith('/')) throw new DockerfileError(`ADD ${withoutPassword(url)}: the URL names no file; say which: ${destination}NAME`);
        const tree = new Tree([posix.dirname(file.path)]);
        add(await planCopy({ ...request, mode: request.mode ?? (() => 0o600), destination: into, from: tree, fromName: url, sources: ['content'], inline: [], ids: ids([]), mtime: file.mtime ?? parts.mtime ?? 0 }));
      }
    }
  }
  for (const one of extracted) add(one);
  const all = [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const copied = await copiedLayer(all, link ? '' : state.key, state, parts, link);
  if (short !== undefined) await parts.store.alias(short, copied.layer);
  return copied;

  async function fromArchive(path: string): Promise<CopyEntry[]> {
    const kind = (await archiveKind(path)) ?? 'tar';
    const { folder, owners } = await unpackArchive(path, kind, parts.settings.folder, parts.signal);
    return planCopy({ ...request, destination: `${destination}/`, from: new Tree([folder]), fromName: posix.basename(path), sources: ['/'], inline: [], ids: ids([{ folder, owners }]), mtime: undefined });
  }
  async function fromRepository(url: string): Promise<CopyEntry[]> {
    const { say, signal, settings } = parts;
    const { folder, inside } = await fetchRepository(url, { scratch: settings.folder, secret: settings.sourceSecret, keepGitFolder: switchOf(instruction, 'keep-git-dir'), checksum: flag('checksum'), say, signal });
    return planCopy({ ...request, destination: `${destination}/`, from: new Tree([folder]), fromName: withoutPassword(url), sources: [inside || '/'], inline: [], ids: ids([]), mtime: parts.mtime ?? 0 });
  }
}

async function mustBeFolder(image: Tree, workingDir: string, destination: string, link: boolean): Promise<void> {
  const found = link ? undefined : await image.find(posix.resolve('/', workingDir, destination).slice(1));
  if (!found?.stat.isDirectory()) throw new DockerfileError(`with more than one source the destination must be a folder and end with a slash: ${destination}/`);
}

async function archivesAmong(paths: readonly string[], context: Tree, unpack: string | undefined): Promise<Map<string, TreeFile>> {
  const archives = new Map<string, TreeFile>();
  if (unpack === 'false') return archives;
  for (const path of paths) {
    if (/[*?[]/.test(path)) continue;
    const file = await context.find(path);
    if (file?.stat.isFile() && (await archiveKind(file.path))) archives.set(path, file);
  }
  return archives;
}

/** The layer with these entries over `below`. */
export async function copiedLayer(entries: readonly CopyEntry[], below: string, state: StageState, { store }: BuildParts, link = false): Promise<{ layer: StoredLayer; cached: boolean }> {
  const key = keyOf('copy', below, await copyDigest(entries));
  const known = await store.find(key);
  if (known) return { layer: known, cached: true };
  const made = await store.fresh();
  try {
    const { ids, special } = await writeCopy(entries, made, link ? [] : foldersOf(state), store.users);
    const survey = await surveyLayer(made, link ? [] : state.layers, ids, root, store.users);
    for (const [name, bits] of special) {
      const record = ownerRecord(ids.get(name) ?? root, bits);
      if (record) survey.owners[name] = record;
    }
    return { layer: await store.keep(key, made, { owners: survey.owners, bytes: survey.bytes, ...(survey.entries === 0 && { empty: true }) }), cached: false };
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}
