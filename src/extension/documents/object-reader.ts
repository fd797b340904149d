/** Reads the object that a document's address names, from the cluster it names. */
import * as vscode from 'vscode';
import { secrets } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import { parseObjectUri, type ObjectAddress } from './object-uri.ts';

export function addressOf(uri: vscode.Uri): ObjectAddress {
  const address = parseObjectUri(uri);
  if (!address) throw vscode.FileSystemError.FileNotFound(uri);
  return address;
}

/** Rejects with a `FileSystemError`. Secrets are not shown in editors, whose texts are kept, searched and shared. */
export async function readObject(session: Session, uri: vscode.Uri): Promise<KubeObject> {
  const { cluster, resource, namespace, name } = addressOf(uri);
  if (resource === secrets) throw vscode.FileSystemError.NoPermissions(vscode.l10n.t('Secrets are not shown.'));
  await sameCluster(session, cluster);
  try {
    return await session.client.get(resource, { namespace, name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) throw vscode.FileSystemError.FileNotFound(uri);
    throw vscode.FileSystemError.Unavailable((error as Error).message);
  }
}

/** A document of one cluster is never read from or saved to another that was chosen since. */
export async function sameCluster(session: Session, cluster: string): Promise<void> {
  if (cluster !== session.cluster) throw vscode.FileSystemError.Unavailable(vscode.l10n.t('This document belongs to cluster "{0}". Switch to it first.', cluster));
  if (!(await session.connect())) throw vscode.FileSystemError.Unavailable(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
}
