/** Objects as YAML files: reading shows the object without what only servers write, saving applies it. */
import * as vscode from 'vscode';
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import { parseObjectUri } from './object-uri.ts';

export class ObjectFileSystem implements vscode.FileSystemProvider {
  readonly #session: Session;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  /** What each open document showed last; the base of a save. Bounded: the oldest is read anew. */
  readonly #shown = new Map<string, KubeObject>();

  constructor(session: Session) {
    this.#session = session;
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const object = this.#shown.get(uri.path) ?? (await this.#read(uri));
    return { type: vscode.FileType.File, ctime: 0, mtime: Number(object.metadata.resourceVersion ?? 0), size: Buffer.byteLength(textOf(object)) };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return Buffer.from(textOf(await this.#read(uri)));
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const { resource, namespace, name } = parseObjectUri(uri);
    const object = parseObject(Buffer.from(content).toString());
    const base = this.#shown.get(uri.path);
    const version = base?.metadata.resourceVersion;
    try {
      const saved = await this.#session.client.update(resource, { ...object, metadata: { ...object.metadata, ...(version && { resourceVersion: version }) } }, { namespace, name });
      this.#remember(uri, saved);
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) throw error;
      await this.#showConflict(uri);
      throw new Error(vscode.l10n.t('"{0}" was changed by somebody else meanwhile. Compare, then save again.', name), { cause: error });
    }
    this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }
  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  async #read(uri: vscode.Uri): Promise<KubeObject> {
    const { resource, namespace, name } = parseObjectUri(uri);
    if (!(await this.#session.connect())) throw vscode.FileSystemError.Unavailable(uri);
    try {
      const object = await this.#session.client.get(resource, { namespace, name });
      this.#remember(uri, object);
      return object;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) throw vscode.FileSystemError.FileNotFound(uri);
      throw error;
    }
  }

  #remember(uri: vscode.Uri, object: KubeObject): void {
    this.#shown.delete(uri.path);
    this.#shown.set(uri.path, object);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > 64 && oldest) this.#shown.delete(oldest);
  }

  /** The newest state beside the unsaved text; the next save is based on it. */
  async #showConflict(uri: vscode.Uri): Promise<void> {
    const newest = await this.#read(uri);
    const theirs = await vscode.workspace.openTextDocument({ language: 'yaml', content: textOf(newest) });
    await vscode.commands.executeCommand('vscode.diff', theirs.uri, uri, vscode.l10n.t('{0}: on the cluster ↔ yours', newest.metadata.name));
  }
}

/** Without managedFields; the status last, since nobody edits it. */
export function textOf(object: KubeObject): string {
  const { status, ...rest } = object as KubeObject & { status?: unknown };
  const metadata = { ...rest.metadata };
  delete metadata.managedFields;
  return stringify({ ...rest, metadata, ...(status !== undefined && { status }) }, { lineWidth: 0 });
}

function parseObject(text: string): KubeObject {
  const object = parse(text) as Partial<KubeObject> | null;
  if (!object?.apiVersion || !object.kind || !object.metadata?.name) throw new Error(vscode.l10n.t('This is no object: apiVersion, kind and metadata.name are needed.'));
  return object as KubeObject;
}
