/** Every port-forward of this window. */
import * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import { ActiveForward } from './active-forward.ts';
import type { ForwardSubject } from './forward-plan.ts';
import { listenFrom } from './free-port.ts';

/** Forwards at once: each holds a port of this machine. */
const most = 64;

export class PortForwards implements vscode.Disposable {
  readonly #session: Session;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  #forwards: ActiveForward[] = [];
  #count = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  list(): readonly ActiveForward[] {
    return this.#forwards;
  }

  /** The forward to the same port of the same object, if there is one. */
  find(subject: ForwardSubject): ActiveForward | undefined {
    const same = (one: ForwardSubject) => one.namespace === subject.namespace && one.kind === subject.kind && one.name === subject.name && one.port === subject.port;
    return this.#forwards.find((one) => one.cluster === this.#session.cluster && same(one.subject));
  }

  /** On `wanted`, or the next port that is free. */
  async start(subject: ForwardSubject, wanted: number): Promise<ActiveForward> {
    if (this.#forwards.length >= most) throw new Error(vscode.l10n.t('There are {0} port forwards already. Stop one first.', most));
    this.#count += 1;
    const one = new ActiveForward(String(this.#count), this.#session, subject, () => this.#changed.fire());
    try {
      await listenFrom(wanted, (port) => one.listen(port));
    } catch (error) {
      await one.dispose();
      throw error;
    }
    this.#forwards = [...this.#forwards, one];
    this.#tell();
    return one;
  }

  async stop(id: string): Promise<void> {
    const one = this.#forwards.find((forward) => forward.id === id);
    this.#forwards = this.#forwards.filter((forward) => forward !== one);
    this.#tell();
    await one?.dispose();
  }

  async stopAll(): Promise<void> {
    const all = this.#forwards;
    this.#forwards = [];
    this.#tell();
    await Promise.all(all.map((one) => one.dispose()));
  }

  dispose(): void {
    void this.stopAll();
    this.#changed.dispose();
  }

  #tell(): void {
    void vscode.commands.executeCommand('setContext', 'slipway.forwards', this.#forwards.length);
    this.#changed.fire();
  }
}
