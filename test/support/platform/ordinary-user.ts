/** Tests that run as root hand the product to an ordinary user: what needs no root must be seen to need none. */
import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface OrdinaryUser {
  /** Given to `spawn`; empty if the tests do not run as root. */
  identity: { uid?: number; gid?: number };
  /** A folder of the user's own. */
  home: string;
  /** The product's bundles and Node.js where the user can read them. */
  bundles: string;
  node: string;
  /** Makes what lies under `folder` the user's. */
  own(folder: string): void;
  dispose(): void;
}

export const ordinaryUserName = 'slipway-test';

export function ordinaryUser(): OrdinaryUser {
  const identity: { uid?: number; gid?: number } = process.getuid?.() === 0 ? account() : {};
  const home = mkdtempSync(path.join(tmpdir(), 'slipway-user-'));
  const bundles = path.join(home, 'product', 'dist');
  const node = path.join(home, 'product', 'bin', 'node');
  cpSync(process.env.SLIPWAY_DIST ?? 'dist', bundles, { recursive: true });
  cpSync(process.execPath, node, { dereference: true });
  const own = (folder: string) => {
    if (identity.uid !== undefined) execFileSync('chown', ['-R', `${identity.uid}:${identity.gid}`, folder]);
  };
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(home, identity.uid, identity.gid);
  own(home);
  return { identity, home, bundles, node, own, dispose: () => rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }) };
}

/** Made where it is missing. */
export function account(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, ordinaryUserName], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    execFileSync('useradd', ['--create-home', '--shell', '/bin/sh', ordinaryUserName]);
    return { uid: id('-u'), gid: id('-g') };
  }
}
