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
/** What is typed before the shell is there, in characters; more is dropped. */
const typeahead = 4096;

export class PodShell implements vscode.Pseudoterminal {
  readonly #connection: () => Connection | undefined;
  readonly #target: ShellTarget;
  readonly #write = new vscode.EventEmitter<string>();
  readonly #close = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.#write.event;
  readonly onDidClose = this.#close.event;
  #session: ExecSession | undefined;
  #size = { columns: 80, rows: 24 };
  #state: 'opening' | 'open' | 'lost' | 'closed' = 'opening';
  #typed = '';

  /** `connection` is asked at each start: after a reconnect it is another one. */
  constructor(connection: () => Connection | undefined, target: ShellTarget) {
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
    if (this.#state === 'open') this.#session?.stdin?.write(text);
    else if (this.#state === 'opening') this.#typed = (this.#typed + text).slice(0, typeahead);
    else if (this.#state === 'lost' && text === '\r') this.reconnect();
  }

  /** Starts a new shell after the connection was lost. */
  reconnect(): void {
    if (this.#state === 'lost') void this.#start();
  }

  close(): void {
    this.#state = 'closed';
    this.#session?.close();
  }

  async #start(): Promise<void> {
    this.#state = 'opening';
    this.#typed = '';
    const decoder = new TextDecoder();
    try {
      const connection = this.#connection();
      if (!connection) throw new Error(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
      const session = await connection.exec({ ...this.#target, command: shell, tty: true, stdin: true });
      if (this.#isClosed()) return session.close();
      this.#session = session;
      this.#state = 'open';
      session.resize(this.#size.columns, this.#size.rows);
      session.stdout.on('data', (bytes: Buffer) => this.#write.fire(decoder.decode(bytes, { stream: true })));
      if (this.#typed) session.stdin?.write(this.#typed);
      const { code } = await session.exit;
      this.#state = 'closed';
      this.#close.fire(code);
    } catch (error) {
      if (this.#isClosed()) return;
      this.#state = 'lost';
      const message = error instanceof Error ? error.message : String(error);
      this.#write.fire(`\r\n\x1b[31m${vscode.l10n.t('The connection to "{0}" was lost: {1}', this.#target.pod, message)}\x1b[0m\r\n${reconnectText()}\r\n`);
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

const reconnectText = () => vscode.l10n.t('Press Enter to reconnect.');

class ReconnectLink extends vscode.TerminalLink {
  readonly shell: PodShell;
  constructor(startIndex: number, length: number, shell: PodShell) {
    super(startIndex, length, vscode.l10n.t('Reconnect'));
    this.shell = shell;
  }
}

/** The line that tells of a lost connection is a link that brings it back. */
export function registerReconnectLinks(): vscode.Disposable {
  return vscode.window.registerTerminalLinkProvider({
    provideTerminalLinks({ line, terminal }) {
      const options = terminal.creationOptions;
      const startIndex = line.indexOf(reconnectText());
      if (startIndex < 0 || !('pty' in options) || !(options.pty instanceof PodShell)) return [];
      return [new ReconnectLink(startIndex, reconnectText().length, options.pty)];
    },
    handleTerminalLink: (link: ReconnectLink) => link.shell.reconnect(),
  });
}
