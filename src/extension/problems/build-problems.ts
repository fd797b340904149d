/**
 * Problems that failed builds told, on the files they are about, whoever starts the builds and whether or not anybody follows them: a push may have. Those of a
 * build config stand until its next build that succeeds. Watched are the project that is worked in, while a folder is open, and those that have problems.
 */
import * as vscode from 'vscode';
import { builds, finishedPhases, type Build } from '../../api/kinds/build.ts';
import type { SharedInformer } from '../connections/shared-watches.ts';
import type { Session } from '../connections/session.ts';
import type { SourcePaths } from '../sources/source-paths.ts';
import { matchProblems } from './problem-matcher.ts';
import type { Problem } from './problem.ts';

interface Told {
  namespace: string;
  config: string;
  /** The build that failed. */
  created: string;
  diagnostics: Map<string, vscode.Diagnostic[]>;
}

/** Last lines that are read of a log which nobody followed. */
const mostLines = 2000;

export class BuildProblems implements vscode.Disposable {
  readonly #session: Session;
  readonly #pathsOf: (build: Build) => Promise<SourcePaths | undefined>;
  readonly #shown = vscode.languages.createDiagnosticCollection('slipway');
  readonly #told = new Map<string, Told>();
  readonly #listening: vscode.Disposable;
  readonly #watches = new Map<string, SharedInformer<Build>>();
  /** Builds of watched projects that were seen before their end. */
  readonly #running = new Set<string>();

  constructor(session: Session, pathsOf: (build: Build) => Promise<SourcePaths | undefined>) {
    this.#session = session;
    this.#pathsOf = pathsOf;
    let cluster = session.cluster;
    this.#listening = session.onDidChange(() => {
      if (cluster !== session.cluster) this.#forgetAll();
      cluster = session.cluster;
      this.#watch();
    });
  }

  /** A build has ended, with this log. */
  async ended(build: Build, log: readonly string[]): Promise<void> {
    const key = keyOf(build);
    if (!key) return;
    if (build.status.phase === 'Complete') return this.#forget(key);
    if (build.status.phase !== 'Failed') return;
    const paths = await this.#pathsOf(build);
    if (!paths) return;
    const diagnostics = new Map<string, vscode.Diagnostic[]>();
    for (const problem of matchProblems([...log, build.status.message ?? ''])) {
      const file = paths.find((problem.source === 'dockerfile' && build.spec.strategy.dockerStrategy?.dockerfilePath) || problem.file);
      if (file) diagnostics.set(file, [...(diagnostics.get(file) ?? []), await diagnosticOf(problem, file, build.metadata.name)]);
    }
    if (diagnostics.size === 0) return this.#forget(key);
    this.#told.set(key, { namespace: build.metadata.namespace ?? '', config: build.status.config?.name ?? '', created: build.metadata.creationTimestamp ?? '', diagnostics });
    this.#show();
  }

  dispose(): void {
    this.#listening.dispose();
    this.#forgetAll();
    this.#shown.dispose();
  }

  #forget(key: string): void {
    if (this.#told.delete(key)) this.#show();
  }

  #forgetAll(): void {
    this.#told.clear();
    this.#show();
  }

  #show(): void {
    const files = new Map<string, vscode.Diagnostic[]>();
    for (const { diagnostics } of this.#told.values()) for (const [file, some] of diagnostics) files.set(file, [...(files.get(file) ?? []), ...some]);
    this.#shown.clear();
    for (const [file, some] of files) this.#shown.set(vscode.Uri.file(file), some);
    this.#watch();
  }

  #watch(): void {
    const connected = this.#session.state === 'connected';
    const wanted = new Set(connected ? [...this.#told.values()].map(({ namespace }) => namespace) : []);
    if (connected && vscode.workspace.workspaceFolders && this.#session.serves(builds)) wanted.add(this.#session.project);
    for (const [namespace, lease] of this.#watches) {
      if (wanted.has(namespace)) continue;
      lease.dispose();
      this.#watches.delete(namespace);
    }
    for (const namespace of wanted) {
      if (this.#watches.has(namespace)) continue;
      const lease = this.#session.watch(builds, namespace);
      this.#watches.set(namespace, lease);
      const listening = lease.informer.onChange(({ type, object }) => {
        if (type === 'deleted') this.#running.delete(idOf(object));
        else if (this.#watches.get(namespace) === lease) this.#changed(object);
      });
      const { dispose } = lease;
      lease.dispose = () => {
        void listening.dispose();
        dispose();
      };
    }
  }

  #changed(build: Build): void {
    this.#newer(build);
    if (!finishedPhases.includes(build.status.phase)) this.#running.add(idOf(build));
    // What had failed before anybody looked is history.
    else if (this.#running.delete(idOf(build)) && build.status.phase === 'Failed') void this.#read(build).catch(() => undefined);
  }

  /** Of a build whose log is gone, or out of reach, nothing is told. */
  async #read(build: Build): Promise<void> {
    const { connection } = this.#session;
    if (!connection || !(await this.#pathsOf(build))) return;
    const log: string[] = [];
    for await (const { text } of connection.logs({ namespace: build.metadata.namespace ?? '', build: build.metadata.name }, { tailLines: mostLines })) log.push(text);
    await this.ended(build, log);
  }

  /** A build of that config which began after the one that failed, and succeeded. */
  #newer(build: Build): void {
    const key = keyOf(build);
    const told = key && this.#told.get(key);
    if (!told || !finishedPhases.includes(build.status.phase) || (build.metadata.creationTimestamp ?? '') < told.created) return;
    if (build.status.phase === 'Complete') this.#forget(key);
  }
}

const idOf = ({ metadata }: Build) => metadata.uid ?? `${metadata.namespace ?? ''}/${metadata.name}`;

function keyOf({ metadata, status }: Build): string | undefined {
  return status.config?.name && `${metadata.namespace ?? ''}/${status.config.name}`;
}

async function diagnosticOf(problem: Problem, file: string, build: string): Promise<vscode.Diagnostic> {
  const line = problem.line > 0 ? problem.line - 1 : await lineOf(problem.needle ?? '', file);
  const start = new vscode.Position(line, Math.max(0, (problem.column ?? 1) - 1));
  // The editor draws it as far as the line goes.
  const range = new vscode.Range(start, new vscode.Position(line, problem.column ? start.character + 1 : Number.MAX_SAFE_INTEGER));
  const diagnostic = new vscode.Diagnostic(range, problem.message, problem.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning);
  diagnostic.source = `${problem.source} (${build})`;
  return diagnostic;
}

async function lineOf(needle: string, file: string): Promise<number> {
  if (!needle) return 0;
  const { readFile } = await import('node:fs/promises');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  // An instruction over several lines is told as one.
  const beginning = needle.split(' ').slice(0, 3).join(' ');
  const at = lines.findIndex((line) => line.includes(needle));
  return Math.max(0, at < 0 ? lines.findIndex((line) => line.includes(beginning)) : at);
}
