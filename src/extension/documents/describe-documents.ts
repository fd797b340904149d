import type * as vscode from 'vscode';
import { events } from '../../api/kinds/core.ts';
import type { Session } from '../connections/session.ts';
import { readObject } from './object-reader.ts';
import { ReadOnlyFiles } from './read-only-files.ts';

/** What an object is, its conditions, and its events. */
export class DescribeDocuments extends ReadOnlyFiles {
  readonly #session: Session;

  constructor(session: Session) {
    super();
    this.#session = session;
  }

  protected override async text(uri: vscode.Uri): Promise<string> {
    const object = await readObject(this.#session, uri);
    const { namespace, uid } = object.metadata;
    const [{ describe }, { items }] = await Promise.all([
      import('./describe.ts'),
      this.#session.client.list(events, { ...(namespace && { namespace }), fieldSelector: `involvedObject.uid=${uid}` }),
    ]);
    return describe(object, items, new Date());
  }
}
