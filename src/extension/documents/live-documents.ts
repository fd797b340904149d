import type * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import { readObject } from './object-reader.ts';
import { ReadOnlyFiles } from './read-only-files.ts';

/** Objects as the cluster has them now, beside somebody's unsaved text. */
export class LiveDocuments extends ReadOnlyFiles {
  readonly #session: Session;

  constructor(session: Session) {
    super();
    this.#session = session;
  }

  protected override async text(uri: vscode.Uri): Promise<string> {
    const { textOf } = await import('./object-text.ts');
    return textOf(await readObject(this.#session, uri));
  }
}
