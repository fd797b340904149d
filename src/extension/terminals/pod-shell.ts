/** A shell in a container as a terminal of the editor. */
import * as vscode from 'vscode';
import type { Connection } from '../../client/connection.ts';
import type { ExecSession } from '../../client/exec.ts';

export interface ShellTarget {
  namespace: string;
  pod: string;
  container: string;
}

/** bash where there is one; a login shell is not wanted in a container. */
const shell = ['/bin/sh', '-c', 'export TERM=xterm-256color; command -v bash >/dev/null 2>&1 && exec bash || exec sh'];

export class PodShell implements vscode.Pseudoterminal {
  readonly #connection: Connection;
  readonly #target: ShellTarget;
  readonly #write = new vscode.EventEmitter<string>();
  readonly #close = new vscode.EventEmitter<number | void>();
  readonly onDidWrite = this.#write.event;
  readonly onDidClose = this.#close.event;
  #session: ExecSession | undefined;
  #size = { columns: 80, rows: 24 };
  #ended = false;

  constructor(connection: Connection, target: ShellTarget) {
    this.#connection = connection;
    this.#target = target;
  }

  open(size: vscode.TerminalDimensions | undefined): void {
    if (size) this.#size = size;
    void this.#start();
  }

  setDimensions(size: vscode.TerminalDimensions): void {
    this.#size = size;
    this.#session?.resize(size.columns, size.rows);
  }

  handleInput(text: string): void {
    if (this.#ended) {
      // Any key but Enter closes nothing: the text above can still be copied.
      if (text === '\r') void this.#start();
      return;
    }
    this.#session?.stdin?.write(text);
  }

  close(): void {
    this.#session?.close();
  }

  async #start(): Promise<void> {
    this.#ended = false;
    const decoder = new TextDecoder();
    try {
      const session = await this.#connection.exec({ ...this.#target, command: shell, tty: true, stdin: true });
      this.#session = session;
      session.resize(this.#size.columns, this.#size.rows);
      session.stdout.on('data', (bytes: Buffer) => this.#write.fire(decoder.decode(bytes, { stream: true })));
      const result = await session.exit;
      this.#close.fire(result.code);
    } catch (error) {
      this.#ended = true;
      const message = error instanceof Error ? error.message : String(error);
      this.#write.fire(`\r\n\x1b[31m${vscode.l10n.t('The connection to "{0}" was lost: {1}', this.#target.pod, message)}\x1b[0m\r\n${vscode.l10n.t('Press Enter to reconnect.')}\r\n`);
    }
  }
}
