/** Starts modules in the order of one flat list and ends them in the reverse order. */
import { Scope, type Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { Kind } from '../apiserver/kind.ts';
import type { Module, ModuleContext } from './module.ts';

export interface BootOptions {
  modules: readonly Module[];
  /** What a module is given, besides the scope that boot makes for it. */
  context(module: Module): Omit<ModuleContext, 'scope'>;
  log: Log;
}

/** `waiting`: not reached yet. `failed`: its `start` rejected; nothing after it is started. */
export type ModuleState = 'waiting' | 'starting' | 'ready' | 'failed' | 'stopped';

export interface Boot extends Disposable {
  /** Resolves when every module is ready; rejects with `ModuleFailed` after ending what had started, or if disposed meanwhile. */
  start(): Promise<void>;
  /** In list order: what `readyz` and the first-start view show. */
  readiness(): { name: string; state: ModuleState; error?: string }[];
  readonly ready: boolean;
}

export class ModuleFailed extends Error {
  readonly module: string;
  constructor(module: string, cause: unknown) {
    super(`"${module}" could not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ModuleFailed';
    this.module = module;
  }
}

/** Kinds of all modules, which are served before the first of them starts. Throws if two bring the same. */
export function kindsOf(modules: readonly Module[]): Kind[] {
  const owners = new Map<string, string>();
  return modules.flatMap((module) =>
    module.kinds.map((kind) => {
      const { group, version, plural } = kind.resource;
      const name = `${group}/${version}/${plural}`;
      const owner = owners.get(name);
      if (owner) throw new Error(`"${module.name}" and "${owner}" both bring ${name}`);
      owners.set(name, module.name);
      return kind;
    }),
  );
}

/** Throws if the list is not an order in which everything can start: that is a mistake in the list, not a failure of a module. */
export function boot({ modules, context, log }: BootOptions): Boot {
  requireOrder(modules);
  const states = new Map<string, { state: ModuleState; error?: string }>(modules.map((module) => [module.name, { state: 'waiting' }]));
  const scopes: { name: string; scope: Scope }[] = [];
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const startAll = async () => {
    for (const module of modules) {
      if (stopping) break;
      const scope = new Scope();
      scopes.push({ name: module.name, scope });
      states.set(module.name, { state: 'starting' });
      const begun = performance.now();
      try {
        await module.start?.({ ...context(module), scope });
      } catch (error) {
        // Its scope was ended under it: not its own failure.
        if (stopping) break;
        states.set(module.name, { state: 'failed', error: error instanceof Error ? error.message : String(error) });
        log.error('a module could not start', { module: module.name, error });
        await stopAll();
        throw new ModuleFailed(module.name, error);
      }
      if (stopping) break;
      states.set(module.name, { state: 'ready' });
      log.debug('module ready', { module: module.name, ms: Math.round(performance.now() - begun) });
    }
    if (stopping) throw new Error('stopped while starting');
  };
  const stopAll = async () => {
    for (const { name, scope } of scopes.splice(0).reverse()) {
      try {
        await scope.dispose();
      } catch (error) {
        log.error('a module did not end in order', { module: name, error });
      }
      if (states.get(name)?.state !== 'failed') states.set(name, { state: 'stopped' });
    }
  };

  return {
    start: () => (starting ??= startAll()),
    readiness: () => modules.map(({ name }) => ({ name, ...(states.get(name) ?? { state: 'waiting' }) })),
    get ready() {
      return modules.every(({ name }) => states.get(name)?.state === 'ready');
    },
    dispose() {
      // Also in the middle of a start, which may hang: what a module adds to an ended scope is ended at once.
      return (stopping ??= stopAll());
    },
  };
}

function requireOrder(modules: readonly Module[]): void {
  const names = new Set(modules.map((module) => module.name));
  if (names.size < modules.length) throw new Error('two modules have the same name');
  const earlier = new Set<string>();
  for (const { name, dependsOn } of modules) {
    for (const needed of dependsOn) {
      if (earlier.has(needed)) continue;
      throw new Error(names.has(needed) ? `"${name}" needs "${needed}", which comes later in the list: move "${name}" after it` : `"${name}" needs "${needed}", which is not in the list`);
    }
    earlier.add(name);
  }
}
