// Reads routes, services, endpoints, secrets.
// Writes the status of routes, events.
import { secrets } from '../../api/kinds/core.ts';
import { routeSuffix } from '../../api/well-known.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import type { Module } from '../kernel/boot/module.ts';
import type { DataPlane } from './data-plane.ts';
import { externalCertificateErrors, secretKeyOf } from './external-certificate.ts';
import { HostPermission } from './host-permission.ts';
import { startRouteController } from './route-controller.ts';
import { routeKind } from './route.ts';

export interface RouteDependencies {
  /** Absent: routes are admitted, but nothing serves them. Ended with the module. */
  router?: DataPlane | undefined;
  authorize: Authorizer;
  /** Default `apps.localhost`. */
  suffix?: string;
}

export function routeModule({ router, authorize, suffix = routeSuffix }: RouteDependencies): Module {
  let client: Client | undefined;
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
    ],
    async start(context) {
      client = context.client;
      if (router) {
        context.scope.own(router);
        await router.start();
      }
      await startRouteController(context, { suffix, urlOf, apply: (table) => void router?.apply(table), onFirstAnswer: (listener) => router?.onFirstAnswer(listener) });
    },
  };
}
