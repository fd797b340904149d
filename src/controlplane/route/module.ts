// Reads routes, services, endpoints.
// Writes the status of routes, events.
import { routeSuffix } from '../../api/well-known.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { Module } from '../kernel/boot/module.ts';
import { startRouteController } from './route-controller.ts';
import { routeKind } from './route.ts';
import type { DataPlane } from './data-plane.ts';

export interface RouteDependencies {
  /** Absent: routes are admitted, but nothing serves them. Ended with the module. */
  router?: DataPlane | undefined;
  /** Default `apps.localhost`. */
  suffix?: string;
}

export function routeModule({ router, suffix = routeSuffix }: RouteDependencies): Module {
  const urlOf = ({ spec }: Route, host: string): string => {
    const port = router?.ports?.[spec.tls ? 'https' : 'http'];
    const usual = spec.tls ? 443 : 80;
    return `${spec.tls ? 'https' : 'http'}://${host}${port === undefined || port === usual ? '' : `:${port}`}${spec.path ?? '/'}`;
  };
  return {
    name: 'route',
    dependsOn: ['service'],
    kinds: [routeKind(suffix)],
    async start(context) {
      if (router) {
        context.scope.own(router);
        await router.start();
      }
      await startRouteController(context, { suffix, urlOf, apply: (table) => void router?.apply(table), onFirstAnswer: (listener) => router?.onFirstAnswer(listener) });
    },
  };
}
