/**
 * Who owns what in an image. The owners that images tell are kept beside the layers, and go into the layers that are made. On disk everything belongs to who builds, unless its
 * namespaces know more users than that one: then files have the owners and modes there that they have in the image, as far as such users exist.
 */
import { lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOverlayWhiteout } from '../../../../../oci/whiteout.ts';
import { DockerfileError } from './syntax-error.ts';
import type { Tree } from './tree.ts';

export interface Ids {
  uid: number;
  gid: number;
}

/** By name: uid, gid, and the bits setuid and setgid, which are not set on disk. What is missing belongs to 0:0. */
export type Owners = Record<string, [uid: number, gid: number, special?: number]>;

export interface OwnedLayer {
  folder: string;
  owners: Owners;
}

export const root: Ids = { uid: 0, gid: 0 };
const special = 0o6000;

export function ownerRecord({ uid, gid }: Ids, mode = 0): Owners[string] | undefined {
  const bits = mode & special;
  if (bits !== 0) return [uid, gid, bits];
  return uid === 0 && gid === 0 ? undefined : [uid, gid];
}

/** The owner of what layers (topmost first) show at a name whose folders are real ones. */
export async function ownerIn(layers: readonly OwnedLayer[], name: string): Promise<{ ids: Ids; special: number } | undefined> {
  for (const { folder, owners } of layers) {
    const stat = await lstat(join(folder, name)).catch(() => undefined);
    if (!stat) continue;
    if (isOverlayWhiteout(stat)) return undefined;
    const [uid, gid, bits = 0] = owners[name] ?? [0, 0];
    return { ids: { uid, gid }, special: bits };
  }
  return undefined;
}

/** Gives a file to whom it belongs in the image, if that user exists here: those below `users` do. */
export async function giveTo(path: string, { uid, gid }: Ids, users: number): Promise<void> {
  if (users > 0) await lchown(path, uid < users ? uid : 0, gid < users ? gid : 0);
}

/** What is in a new layer's folder. Owners: those told, else those on disk for `users` that exist here, else those of what it changes, else `otherwise`. */
export async function surveyLayer(folder: string, below: readonly OwnedLayer[], told: ReadonlyMap<string, Ids>, otherwise: Ids, users = 0): Promise<{ owners: Owners; bytes: number; entries: number }> {
  const owners: Owners = {};
  let [bytes, entries] = [0, 0];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      const known = told.get(name);
      const stat = users > 0 || entry.isFile() ? await lstat(join(folder, name)) : undefined;
      const had = known ? undefined : await ownerIn(below, name);
      const record = users > 0 && stat ? ownerRecord(known ?? onDisk(stat, had?.ids, users)) : ownerRecord(known ?? had?.ids ?? otherwise, had?.special);
      if (record) owners[name] = record;
      entries++;
      if (entry.isDirectory()) await visit(name);
      else if (entry.isFile()) bytes += stat?.size ?? 0;
    }
  };
  await visit('');
  return { owners, bytes, entries };
}

/** An owner that cannot exist here has id 0 in its place, and is still meant by it. */
function onDisk({ uid, gid }: Ids, had: Ids | undefined, users: number): Ids {
  return { uid: uid === 0 && had && had.uid >= users ? had.uid : uid, gid: gid === 0 && had && had.gid >= users ? had.gid : gid };
}

interface Account extends Ids {
  name: string;
  home: string;
}

/** `USER` and `--chown`: `user[:group]`, by name (looked up in the image) or number. */
export async function resolveOwner(text: string, image: Tree, what: string): Promise<Ids> {
  const [user = '', group] = text.split(':');
  const account = await findAccount(user, image);
  const uid = /^\d+$/.test(user) ? Number(user) : account?.uid;
  if (uid === undefined) throw new DockerfileError(`${what}: there is no user "${user}" in the image's /etc/passwd; use its number`);
  if (group === undefined || group === '') return { uid, gid: what === 'USER' ? (account?.gid ?? 0) : (account?.gid ?? uid) };
  const gid = /^\d+$/.test(group) ? Number(group) : await findGroup(group, image);
  if (gid === undefined) throw new DockerfileError(`${what}: there is no group "${group}" in the image's /etc/group; use its number`);
  if (uid > 0xffff_fffe || gid > 0xffff_fffe) throw new DockerfileError(`${what}: "${text}" is out of range`);
  return { uid, gid };
}

export async function homeOf(uid: number, image: Tree): Promise<string> {
  const found = (await accounts(image)).find((one) => one.uid === uid);
  return found?.home || (uid === 0 ? '/root' : '/');
}

async function findAccount(user: string, image: Tree): Promise<Account | undefined> {
  const numeric = /^\d+$/.test(user);
  return (await accounts(image)).find((one) => (numeric ? one.uid === Number(user) : one.name === user));
}

async function accounts(image: Tree): Promise<Account[]> {
  const text = (await image.text('etc/passwd')) ?? 'root:x:0:0:root:/root:/bin/sh\n';
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home = ''] = line.split(':');
    return name && /^\d+$/.test(uid ?? '') ? [{ name, uid: Number(uid), gid: Number(gid) || 0, home }] : [];
  });
}

async function findGroup(name: string, image: Tree): Promise<number | undefined> {
  const text = (await image.text('etc/group')) ?? 'root:x:0:\n';
  const gid = text.split('\n').map((line) => line.split(':')).find(([one]) => one === name)?.[2];
  return gid !== undefined && /^\d+$/.test(gid) ? Number(gid) : undefined;
}
