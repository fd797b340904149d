/** Our own data plane answers the table that every router answers. */
import { startRouter } from '../../../../support/router.ts';
import { testCases } from '../../../../support/routing/table.ts';
import type { RouterUnderTest } from '../../../../support/routing/contract.ts';

testCases('router', async (): Promise<RouterUnderTest> => {
  const { http, https, apply, router, close } = await startRouter();
  return {
    ports: { http, https },
    apply: async (table) => apply(...table.values()),
    metrics: async () => router.metrics(),
    routeMetrics: async () => router.routeMetrics(),
    dispose: close,
  };
});
