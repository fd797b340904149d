import { configMaps, namespaces, secrets, serviceAccounts } from '../../api/kinds/core.ts';
import { roleBindings } from '../../api/kinds/rbac.ts';
import type { KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { ensureContent, type ContentTools } from './namespace-content.ts';
import { rootCaName } from './namespace-content-plan.ts';
import { serviceAccountNameAnnotation } from './secret.ts';

/** Gives every project its accounts, credentials, bindings and trusted certificate, and gives them back when they are taken away. */
export async function startContentController({ informers, clock, log, scope }: ModuleContext, tools: ContentTools): Promise<void> {
  const all = informers.for(namespaces);
  const loop = scope.own(controller({
    name: 'namespace-content', clock, log,
    async reconcile(name) {
      const namespace = all.get(name);
      if (!namespace || namespace.metadata.deletionTimestamp) return;
      try {
        await ensureContent(tools, name);
      } catch (error) {
        // It began to end in the meantime.
        if (!isStatusError(error, 'Forbidden', 'NotFound')) throw error;
      }
    },
  }));
  const follow = <T extends KubeObject>(informer: Informer<T>, concerns: (change: Change<T>) => boolean) => {
    scope.own(informer.onChange((change) => {
      const { namespace } = change.object.metadata;
      if (namespace && concerns(change)) loop.enqueue(namespace);
    }));
    return informer.synced;
  };
  // Of the many secrets and maps only those are looked at that this controller answers for.
  await Promise.all([
    all.synced,
    follow(informers.for(serviceAccounts), () => true),
    follow(informers.for(secrets), ({ object }) => object.metadata.annotations?.[serviceAccountNameAnnotation] !== undefined),
    follow(informers.for(configMaps), ({ object }) => object.metadata.name === rootCaName),
    follow(informers.for(roleBindings), ({ type, object }) => type === 'deleted' && object.metadata.name.startsWith('system:')),
  ]);
  scope.own(all.onChange(({ object }) => loop.enqueue(object.metadata.name)));
}
