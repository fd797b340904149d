/** The table as tests: one test a case. */
import { describe, test } from 'vitest';
import { runCase } from './bed.ts';
import { balancing } from './cases/balancing.ts';
import { changes } from './cases/changes.ts';
import { headers } from './cases/headers.ts';
import { hostsAndPaths } from './cases/hosts-and-paths.ts';
import { limits } from './cases/limits.ts';
import { protocols } from './cases/protocols.ts';
import { replacements } from './cases/replacements.ts';
import { tls } from './cases/tls.ts';
import type { RouteCase, RouterUnderTest } from './contract.ts';

const areas: Record<string, RouteCase[]> = { 'hosts and paths': hostsAndPaths, tls, balancing, headers, limits, protocols, changes, replacements };

/** Answers by which a weighted turn may be off: HAProxy's begins at a place of its own. */
const spreadWithin = { router: 0, haproxy: 1 };

/** `name`: the folder of the data plane below src/controlplane/route. `start` makes one on free ports of loopback. */
export function testCases(name: 'router' | 'haproxy', start: () => Promise<RouterUnderTest>): void {
  for (const [area, cases] of Object.entries(areas)) {
    describe(area, () => {
      for (const one of cases) test(one.name, () => runCase(one, start, spreadWithin[name]));
    });
  }
}
