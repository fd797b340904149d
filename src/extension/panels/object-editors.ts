/** Pages in the editor's area, one an object: opened again, the one there is comes to the front. */
import * as vscode from 'vscode';
import { openPage } from './page.ts';

/** What stands behind one page. */
export interface EditorContent<FromPage> {
  receive(message: FromPage): unknown;
  /** Watches only while somebody looks. */
  look(visible: boolean): void;
  dispose(): void;
}

/** Pages at once; the oldest goes for a further one. */
const most = 16;

export class ObjectEditors<ToPage, FromPage> implements vscode.Disposable {
  readonly #extension: vscode.Uri;
  readonly #name: string;
  readonly #open = new Map<string, vscode.WebviewPanel>();

  /** `name`: of the page's files; its view's type is `slipway.<name>`. */
  constructor(extension: vscode.Uri, name: string) {
    this.#extension = extension;
    this.#name = name;
  }

  show(key: string, title: string, make: (send: (message: ToPage) => void) => EditorContent<FromPage>): void {
    const known = this.#open.get(key);
    if (known) return known.reveal();
    const [oldest] = this.#open.values();
    if (oldest && this.#open.size >= most) oldest.dispose();
    const panel = vscode.window.createWebviewPanel(`slipway.${this.#name}`, title, vscode.ViewColumn.Active, { enableFindWidget: true });
    const page = openPage<ToPage, FromPage>(panel, this.#extension, this.#name, title, (message) => void content.receive(message));
    const content = make((message) => page.send(message));
    this.#open.set(key, panel);
    panel.onDidChangeViewState(() => content.look(panel.visible));
    panel.onDidDispose(() => {
      this.#open.delete(key);
      page.dispose();
      content.dispose();
    });
    content.look(true);
  }

  dispose(): void {
    for (const panel of [...this.#open.values()]) panel.dispose();
  }
}
