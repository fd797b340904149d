/** A stage of the control plane: what it contributes and what must stand before it starts. */
import type { Client } from '../../../client/client.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Scope } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { Kind } from '../apiserver/kind.ts';
import type { Admission } from '../apiserver/ports.ts';
import type { InformerFactory } from '../reconcile/informer-factory.ts';

/** What a module gets when it starts. Everything it starts is owned by `scope`, which ends in reverse boot order. */
export interface ModuleContext {
  /** Acts as the module's own service account, `system:serviceaccount:kube-system:<module>-controller`. */
  readonly client: Client;
  /** Shared caches: asking twice for the same resource gives the same informer. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly log: Log;
  readonly scope: Scope;
}

export interface Module {
  readonly name: string;
  /** Names of modules that must have started; naming one that comes later in the list is an error at boot. */
  readonly dependsOn: readonly string[];
  /** Kinds served from before the first module starts. */
  readonly kinds: readonly Kind[];
  /** Rules over objects of any kind, in force as long as kinds are served. */
  readonly admission?: readonly Admission[];
  /** Starts controllers and listeners; resolves when the module is ready to serve. */
  start?(context: ModuleContext): Promise<void>;
}
