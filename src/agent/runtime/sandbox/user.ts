/** Who a container runs as. */
import { readFileSync } from 'node:fs';
import { RuntimeFailure } from '../runtime.ts';
import { resolveInLayers } from './merged-path.ts';

export interface ContainerUser {
  uid: number;
  gid: number;
  home: string;
  /** `/etc/passwd` with an entry for the uid, if the image's has none. */
  passwd?: string;
}

/** `wish` of the pod wins over the image's `USER`, which is `uid`, `uid:gid`, `name` or `name:group`. `layers` topmost first. */
export function containerUser(wish: { uid?: number; gid?: number } | undefined, imageUser: string | undefined, workingDir: string, layers: readonly string[]): ContainerUser {
  const passwd = readInLayers(layers, '/etc/passwd');
  const entries = parsePasswd(passwd ?? '');
  const [who = '', group = ''] = (imageUser ?? '').split(':');
  let uid = wish?.uid;
  let gid = wish?.gid;
  let entry = entries.find((one) => (uid === undefined ? one.name === who : one.uid === uid));
  if (uid === undefined) {
    if (/^\d+$/.test(who)) {
      uid = Number(who);
      entry = entries.find((one) => one.uid === uid);
    } else if (who !== '' && !entry) throw new RuntimeFailure('CreateContainerError', `the image's user "${who}" is not in its /etc/passwd`);
    uid ??= entry?.uid ?? 0;
  }
  if (gid === undefined && wish?.uid === undefined && group !== '') gid = /^\d+$/.test(group) ? Number(group) : groupId(layers, group);
  gid ??= entry?.gid ?? 0;
  entry ??= entries.find((one) => one.uid === uid);
  // An arbitrary uid has no entry; programs that ask for their user's name would fail (CRI-O adds one in the same way).
  const added = entry === undefined && passwd !== undefined ? `${passwd.replace(/\n?$/, '\n')}${uid}:x:${uid}:${gid}:${uid} user:${workingDir}:/sbin/nologin\n` : undefined;
  return { uid, gid, home: entry?.home ?? (uid === 0 ? '/root' : '/'), ...(added !== undefined && { passwd: added }) };
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

function parsePasswd(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(':');
    return name && /^\d+$/.test(uid ?? '') ? [{ name, uid: Number(uid), gid: Number(gid ?? 0), home: home || '/' }] : [];
  });
}

function groupId(layers: readonly string[], name: string): number {
  const line = readInLayers(layers, '/etc/group')?.split('\n').find((one) => one.startsWith(`${name}:`));
  const gid = Number(line?.split(':')[2]);
  if (line === undefined || !Number.isInteger(gid)) throw new RuntimeFailure('CreateContainerError', `the image's group "${name}" is not in its /etc/group`);
  return gid;
}

function readInLayers(layers: readonly string[], path: string): string | undefined {
  const found = resolveInLayers(layers, path);
  return found.file === undefined || !found.stat?.isFile() ? undefined : readFileSync(found.file, 'utf8');
}
