/** Makes the certificates that services ask for, renews them, and hands the authority to config maps that ask for it. */
import { copyJson } from '../../../api/json.ts';
import { configMaps, secrets, services } from '../../../api/kinds/core.ts';
import { keyOf } from '../../../api/meta.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { generationErrorAnnotation, planServingCertificate, servingCertAnnotation, withBundle, type ServiceCa } from './serving-certificate-plan.ts';

export async function startServingCertificates({ client, informers, clock, log, scope }: ModuleContext, ca: ServiceCa): Promise<void> {
  const caches = {
    services: informers.for(services, { servingSecret: ({ metadata }) => (metadata.annotations?.[servingCertAnnotation] ? [`${metadata.namespace}/${metadata.annotations[servingCertAnnotation]}`] : []) }),
    secrets: informers.for(secrets),
    maps: informers.for(configMaps),
  };
  await Promise.all(Object.values(caches).map(({ synced }) => synced));
  const certificates = scope.own(controller({ name: 'serving-cert', clock, log, reconcile: reconcileService }));
  const bundles = scope.own(controller({ name: 'ca-bundle', clock, log, reconcile: reconcileMap }));
  scope.own(caches.services.onChange(({ type, object }) => {
    if (type !== 'deleted' && object.metadata.annotations?.[servingCertAnnotation]) certificates.enqueue(keyOf(object));
  }));
  scope.own(caches.secrets.onChange(({ object }) => {
    for (const service of caches.services.byIndex('servingSecret', keyOf(object))) certificates.enqueue(keyOf(service));
  }));
  scope.own(caches.maps.onChange(({ type, object }) => {
    if (type !== 'deleted' && withBundle(object, ca)) bundles.enqueue(keyOf(object));
  }));

  async function reconcileService(key: string): Promise<ReconcileResult> {
    const service = caches.services.get(key);
    if (!service || service.metadata.deletionTimestamp) return;
    const { name, namespace, annotations } = service.metadata;
    const plan = planServingCertificate(service, caches.secrets.get(`${namespace}/${annotations?.[servingCertAnnotation]}`), ca, clock.now());
    const message = plan.action === 'refuse' ? plan.message : undefined;
    if (annotations?.[generationErrorAnnotation] !== message) await ifFound(client.patch(services, { name, namespace }, 'merge', { metadata: { annotations: { [generationErrorAnnotation]: message ?? null } } }));
    if (plan.action === 'create') await client.create(secrets, plan.secret);
    else if (plan.action === 'update') await client.update(secrets, copyJson(plan.secret));
    else if (plan.action === 'nothing' && plan.renewInMs !== undefined) return { afterMs: Math.min(plan.renewInMs, longestWaitMs) };
  }

  async function reconcileMap(key: string): Promise<void> {
    const map = caches.maps.get(key);
    const next = map && withBundle(map, ca);
    if (next) await ifFound(client.update(configMaps, copyJson(next)));
  }
}

/** Timers of the machine end at about 24 days; a look a day costs nothing. */
const longestWaitMs = 86_400_000;
