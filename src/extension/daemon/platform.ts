/** The embedded platform as the extension sees it: the only place that knows that a cluster is ours. Nothing is read or started until asked. */
import * as vscode from 'vscode';
import type { RunInfo, StartPhase } from '../../protocol/daemon.ts';

export type PlatformState = 'unknown' | 'stopped' | 'starting' | 'running' | 'failed';

export class Platform implements vscode.Disposable {
  readonly #bundles: string;
  readonly #version: string;
  readonly #changed = new vscode.EventEmitter<PlatformState>();
  readonly onDidChange = this.#changed.event;
  #state: PlatformState = 'unknown';
  #info: RunInfo | undefined;
  #starting: Promise<RunInfo> | undefined;

  /** `bundles`: folder of the product's programs. */
  constructor(bundles: string, version: string) {
    this.#bundles = bundles;
    this.#version = version;
  }

  get state(): PlatformState {
    return this.#state;
  }

  get info(): RunInfo | undefined {
    return this.#info;
  }

  /** A control plane of another version than this window's runs. */
  get outdated(): boolean {
    return this.#info !== undefined && this.#info.version !== this.#version;
  }

  async home(): Promise<string> {
    const { resolveHome } = await import('../../client/daemon/home.ts');
    return resolveHome(vscode.workspace.getConfiguration('slipway').get<string>('home') || undefined);
  }

  /** Finds a control plane that runs already, whoever started it. */
  async find(): Promise<RunInfo | undefined> {
    if (this.#starting) return this.#starting.catch(() => undefined);
    const { runningPlatform } = await import('../../client/daemon/control.ts');
    this.#set((await runningPlatform(await this.home())) ?? undefined);
    return this.#info;
  }

  /** Starts it, or joins a start under way. Rejects with `StartFailure`. */
  start(onPhase: (phase: StartPhase) => void, signal: AbortSignal, recover = false): Promise<RunInfo> {
    this.#starting ??= this.#start(onPhase, signal, recover).finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  async #start(onPhase: (phase: StartPhase) => void, signal: AbortSignal, recover: boolean): Promise<RunInfo> {
    this.#tell('starting');
    try {
      const { startPlatform } = await import('../../client/daemon/start.ts');
      const home = await this.home();
      const asked = vscode.workspace.getConfiguration('slipway').get<string>('runtime');
      const { info } = await startPlatform({ home, bundles: this.#bundles, detached: true, runtime: asked === 'auto' ? undefined : asked, recover, onPhase, signal });
      this.#set(info);
      return info;
    } catch (error) {
      // Another window was faster: its platform is everybody's.
      const { runningPlatform } = await import('../../client/daemon/control.ts');
      const running = await runningPlatform(await this.home());
      if (running) {
        this.#set(running);
        return running;
      }
      this.#info = undefined;
      this.#tell('failed');
      throw error;
    }
  }

  /** Ends the control plane and every app of it, for all windows. */
  async stop(): Promise<void> {
    const { stopPlatform } = await import('../../client/daemon/control.ts');
    await stopPlatform(await this.home());
    this.#set(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #set(info: RunInfo | undefined): void {
    this.#info = info;
    this.#tell(info ? 'running' : 'stopped');
  }

  #tell(state: PlatformState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', 'slipway.platform', state);
    this.#changed.fire(state);
  }
}
