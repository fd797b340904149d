/** The embedded platform as the extension sees it: the only place that knows that a cluster is ours. Nothing is read or started until asked. */
import * as vscode from 'vscode';
import { compareVersions } from '../../detect/node-runtime.ts';
import { protocolVersion, type RunInfo, type StartFailureReason, type StartPhase } from '../../protocol/daemon.ts';
import { watchRunInfo } from './run-info-watch.ts';

export type PlatformState = 'unknown' | 'stopped' | 'starting' | 'running' | 'failed';

/** Why it did not start, and what helps. */
export interface PlatformFailure {
  reason: StartFailureReason;
  message: string;
  fix: string | undefined;
}

export class Platform implements vscode.Disposable {
  readonly #bundles: string;
  readonly #version: string;
  readonly #changed = new vscode.EventEmitter<void>();
  /** State, phase of a start, or which control plane runs. */
  readonly onDidChange = this.#changed.event;
  #state: PlatformState = 'unknown';
  #info: RunInfo | undefined;
  #phase: StartPhase | undefined;
  #failure: PlatformFailure | undefined;
  #starting: Promise<RunInfo> | undefined;
  #finding: Promise<RunInfo | undefined> | undefined;
  #cancel: AbortController | undefined;
  #watched: { home: string; watch: vscode.Disposable } | undefined;
  #disposed = false;

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

  /** What a start is doing. */
  get phase(): StartPhase | undefined {
    return this.#phase;
  }

  get failure(): PlatformFailure | undefined {
    return this.#failure;
  }

  /** How the control plane that runs stands to this window. */
  get age(): 'same' | 'older' | 'newer' {
    if (!this.#info) return 'same';
    const order = compareVersions(this.#info.version, this.#version);
    return order < 0 ? 'older' : order > 0 ? 'newer' : 'same';
  }

  async home(): Promise<string> {
    const { resolveHome } = await import('../../client/daemon/home.ts');
    return resolveHome(vscode.workspace.getConfiguration('slipway').get<string>('home') || undefined);
  }

  /** Finds a control plane that runs already, whoever started it. */
  find(): Promise<RunInfo | undefined> {
    if (this.#starting) return this.#starting.catch(() => undefined);
    this.#finding ??= this.#find().finally(() => (this.#finding = undefined));
    return this.#finding;
  }

  /** Starts it, or joins a start under way. Rejects with `StartFailure`. */
  start(recover = false): Promise<RunInfo> {
    this.#starting ??= this.#start(recover).finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  cancelStart(): void {
    this.#cancel?.abort();
  }

  /** Ends the control plane and every app of it, for all windows. */
  async stop(): Promise<void> {
    const { stopPlatform } = await import('../../client/daemon/stop.ts');
    await stopPlatform({ home: await this.home(), bundles: this.#bundles });
    this.#set(undefined);
  }

  dispose(): void {
    this.#disposed = true;
    this.#watched?.watch.dispose();
    this.#changed.dispose();
  }

  async #find(): Promise<RunInfo | undefined> {
    const { runningPlatform } = await import('../../client/daemon/control.ts');
    const home = await this.home();
    const info = await runningPlatform(home);
    if (this.#starting) return this.#starting.catch(() => undefined);
    this.#watch(home);
    // One that speaks no protocol of ours cannot be used; starting tells why.
    if (info && (info.protocol.min > protocolVersion || info.protocol.max < protocolVersion)) {
      this.#fail({ reason: 'AlreadyRunning', message: vscode.l10n.t('Another version of Slipway ({0}) runs, which this window cannot use.', info.version), fix: vscode.l10n.t('Stop it, or update this extension.') });
      return undefined;
    }
    // What a failed start said stays readable until something runs.
    if (info || this.#state !== 'failed') this.#set(info);
    return info;
  }

  async #start(recover: boolean): Promise<RunInfo> {
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.#failure = undefined;
    this.#tell('starting');
    const home = await this.home();
    try {
      const { startPlatform } = await import('../../client/daemon/start.ts');
      const settings = vscode.workspace.getConfiguration('slipway');
      const asked = settings.get<string>('runtime');
      const onPhase = (phase: StartPhase) => {
        this.#phase = phase;
        this.#changed.fire();
      };
      const { info } = await startPlatform({ home, bundles: this.#bundles, detached: true, runtime: asked === 'auto' ? undefined : asked, router: settings.get<string>('router'), recover, onPhase, signal: cancel.signal });
      this.#set(info);
      return info;
    } catch (error) {
      // Another window was faster: its platform is everybody's.
      const { awaitPlatform } = await import('../../client/daemon/control.ts');
      const running = await awaitPlatform(home);
      if (running) {
        this.#set(running);
        return running;
      }
      if (cancel.signal.aborted) this.#set(undefined);
      else {
        const { reason = 'Unknown', message, fix } = error as Error & Partial<PlatformFailure>;
        this.#fail({ reason, message, fix });
      }
      throw error;
    } finally {
      this.#phase = undefined;
      this.#watch(home);
    }
  }

  /** Other windows start and stop it too. */
  #watch(home: string): void {
    if (this.#disposed || this.#watched?.home === home) return;
    this.#watched?.watch.dispose();
    this.#watched = undefined;
    const watch = watchRunInfo(home, () => void this.find());
    if (watch) this.#watched = { home, watch };
  }

  #set(info: RunInfo | undefined): void {
    const same = this.#info?.startedAt === info?.startedAt && this.#info?.pid === info?.pid;
    this.#info = info;
    if (info) this.#failure = undefined;
    const state = info ? 'running' : 'stopped';
    if (!same || this.#state !== state) this.#tell(state);
  }

  #fail(failure: PlatformFailure): void {
    this.#info = undefined;
    this.#failure = failure;
    this.#tell('failed');
  }

  #tell(state: PlatformState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', 'slipway.platform', state);
    if (!this.#disposed) this.#changed.fire();
  }
}
