/** Objects as YAML files: reading shows the object without what only servers write, saving applies it. */
import * as vscode from 'vscode';
import type { KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import type { LiveDocuments } from './live-documents.ts';
import { addressOf, readObject, sameCluster } from './object-reader.ts';
import { liveScheme } from './object-uri.ts';

/** Documents whose base is remembered; the base of an older one is read anew. */
const mostShown = 64;

export class ObjectFileSystem implements vscode.FileSystemProvider {
  readonly #session: Session;
  readonly #live: LiveDocuments;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  /** What each open document showed last; the base of a save. */
  readonly #shown = new Map<string, KubeObject>();

  constructor(session: Session, live: LiveDocuments) {
    this.#session = session;
    this.#live = live;
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const object = this.#shown.get(uri.path) ?? (await this.#read(uri));
    const { textOf } = await import('./object-text.ts');
    return { type: vscode.FileType.File, ctime: Date.parse(object.metadata.creationTimestamp ?? '') || 0, mtime: Number(object.metadata.resourceVersion) || 0, size: Buffer.byteLength(textOf(object)) };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const { textOf } = await import('./object-text.ts');
    return Buffer.from(textOf(await this.#read(uri)));
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const { cluster, resource, namespace, name } = addressOf(uri);
    await sameCluster(this.#session, cluster);
    const { parseObject } = await import('./object-text.ts');
    const object = parseObject(Buffer.from(content).toString());
    if (!object) throw new Error(vscode.l10n.t('This is no object: apiVersion, kind and metadata.name are needed.'));
    const version = this.#shown.get(uri.path)?.metadata.resourceVersion;
    try {
      const saved = await this.#session.client.update(resource, { ...object, metadata: { ...object.metadata, ...(version && { resourceVersion: version }) } }, { namespace, name });
      this.#remember(uri, saved);
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) throw error;
      await this.#showConflict(uri, name);
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
    const object = await readObject(this.#session, uri);
    this.#remember(uri, object);
    return object;
  }

  #remember(uri: vscode.Uri, object: KubeObject): void {
    this.#shown.delete(uri.path);
    this.#shown.set(uri.path, object);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > mostShown && oldest) this.#shown.delete(oldest);
  }

  /** The newest state beside the unsaved text; the next save is based on it. */
  async #showConflict(uri: vscode.Uri, name: string): Promise<void> {
    const theirs = uri.with({ scheme: liveScheme });
    this.#live.refresh(theirs);
    await this.#read(uri);
    await vscode.commands.executeCommand('vscode.diff', theirs, uri, vscode.l10n.t('{0}: on the cluster ↔ yours', name));
  }
}
