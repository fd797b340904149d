import * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import { sameCluster } from './object-reader.ts';
import { ReadOnlyFiles } from './read-only-files.ts';
import { parseRevisionUri } from './revision-uri.ts';

/** Templates of revisions as YAML, members sorted, so that two of them can be compared. */
export class RevisionDocuments extends ReadOnlyFiles {
  readonly #session: Session;

  constructor(session: Session) {
    super();
    this.#session = session;
  }

  protected override async text(uri: vscode.Uri): Promise<string> {
    const parsed = parseRevisionUri(uri);
    if (!parsed) throw vscode.FileSystemError.FileNotFound(uri);
    const { cluster, resource, namespace = '', name } = parsed.address;
    await sameCluster(this.#session, cluster);
    const { readHistory, revisionText } = await import('../../client/rollout/history.ts');
    const { revisions } = await readHistory(this.#session.client, { of: resource, namespace, name });
    const found = revisions.find(({ number }) => number === parsed.revision);
    if (!found) throw vscode.FileSystemError.FileNotFound(vscode.l10n.t('"{0}" no longer has that revision.', name));
    return revisionText(found);
  }
}
