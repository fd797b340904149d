// Reads routes, ingresses, ingress classes, services, endpoints, secrets, config maps; token reviews.
// Writes routes of ingresses, certificates of services as secrets, config maps that ask for their authority, the status of routes and ingresses, the ingress class `openshift-default`, the secret `router-stats-default`, events.
import { secrets, services } from '../../api/kinds/core.ts';
import { ingressClasses } from '../../api/kinds/ingress.ts';
import { routeSuffix, systemProject, systemServices } from '../../api/well-known.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import type { Module } from '../kernel/boot/module.ts';
import type { DataPlane } from './data-plane/data-plane.ts';
import { externalCertificateErrors, secretKeyOf } from './external-certificate.ts';
import { HostPermission } from './host-permission.ts';
import { defaultClassAnnotation, ingressClassKind, ingressKind } from './ingress/ingress.ts';
import { startIngressController } from './ingress/ingress-controller.ts';
import { startRouteController, type WakingAddresses } from './route-controller.ts';
import { routeKind } from './route.ts';
import { startServingCertificates } from './serving/serving-certificate-controller.ts';
import type { ServiceCa } from './serving/serving-certificate-plan.ts';
import { startStats } from './stats/start-stats.ts';

export interface RouteDependencies {
  waking?: WakingAddresses | undefined;
  /** Absent: routes are admitted, but nothing serves them. Ended with the module. */
  router?: DataPlane | undefined;
  authorize: Authorizer;
  /** Signs certificates of services. Absent: none are made. */
  serviceCa?: ServiceCa | undefined;
  /** Default `apps.localhost`. */
  suffix?: string;
}

/** On the Service `router` of project `default`: `true` writes a line for each request to `logs/access.log` of the home. */
export const accessLogAnnotation = 'slipway.dev/access-log';

export interface RouteModule extends Module {
  /** Where statistics are told, once started. */
  statsPort(): number | undefined;
}

export function routeModule({ router, waking, authorize, serviceCa, suffix = routeSuffix }: RouteDependencies): RouteModule {
  let client: Client | undefined;
  let stats: number | undefined;
  let inForce = false;
  const urlOf = ({ spec }: Route, host: string): string => {
    const port = router?.ports?.[spec.tls ? 'https' : 'http'];
    const usual = spec.tls ? 443 : 80;
    return `${spec.tls ? 'https' : 'http'}://${host}${port === undefined || port === usual ? '' : `:${port}`}${spec.path ?? '/'}`;
  };
  return {
    name: 'route',
    dependsOn: ['service'],
    kinds: [
      routeKind({
        suffix,
        permission: new HostPermission(authorize),
        async externalCertificateErrors(route) {
          const name = route.spec.tls?.externalCertificate?.name;
          // Before the module starts the router looks alone.
          if (!client || !name || secretKeyOf(route) === undefined) return [];
          const secret = await ifFound(client.get(secrets, { name, namespace: route.metadata.namespace }));
          return externalCertificateErrors(route, () => secret);
        },
      }),
      ingressKind(async () => {
        const classes = (await client?.list(ingressClasses))?.items ?? [];
        const marked = classes.filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true');
        // The newest, as Kubernetes' own admission takes it.
        return marked.sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))[0]?.metadata.name;
      }),
      ingressClassKind,
    ],
    statsPort: () => stats,
    async start(context) {
      client = context.client;
      if (router) {
        context.scope.own(router);
        await router.start();
      }
      await startRouteController(context, { suffix, urlOf, waking, serviceCa: serviceCa?.certificate, apply: (table) => void router?.apply(table).then(() => (inForce = true)), onFirstAnswer: (listener) => router?.onFirstAnswer(listener) });
      await startIngressController(context);
      if (serviceCa) await startServingCertificates(context, serviceCa);
      if (!router) return;
      const listening = context.scope.own(await startStats(context.client, router, authorize, () => inForce));
      stats = listening.port;
      context.scope.own(context.informers.for(services).onChange(({ object: { metadata } }) => {
        if (metadata.namespace === systemProject && metadata.name === systemServices.router.name) router.logAccess(metadata.annotations?.[accessLogAnnotation] === 'true');
      }));
    },
  };
}
