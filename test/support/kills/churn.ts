/** Somebody who works while everything around is being killed: pods come and go, a document changes. What the API acknowledged is remembered. */
import { configMaps, pods, type ConfigMap, type Pod } from '../../../src/api/kinds/core.ts';
import { isStatusError } from '../../../src/api/status.ts';
import { toolsImage } from '../../../src/api/well-known.ts';
import type { Client } from '../../../src/client/client.ts';

const namespace = 'default';
/** Pods at once. */
const most = 4;

export interface Churn {
  /** Acknowledged: names of pods that were created and not deleted, the last number written, how many writes in all. */
  readonly there: Set<string>;
  readonly deleted: Set<string>;
  readonly written: () => number;
  readonly acknowledged: () => number;
  /** No further work; what is asked already is waited for. */
  stop(): Promise<void>;
}

export function churn(client: Client, random: () => number): Churn {
  const there = new Set<string>();
  const deleted = new Set<string>();
  let number = 0;
  let acknowledged = 0;
  let over = false;
  /** An answer that never came says nothing; whether it was done is seen when it is tried again. */
  const asked = async (work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work();
      acknowledged += 1;
      return true;
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists', 'NotFound')) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    }
  };
  const until = async (work: () => Promise<unknown>) => {
    while (!(await asked(work)));
  };

  const podsComeAndGo = async () => {
    for (let serial = 0; !over; serial += 1) {
      const name = `churn-${serial}`;
      await until(() => client.create(pods, podOf(name, random)));
      there.add(name);
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
      while (there.size > (over ? 0 : most * random())) {
        const [first = ''] = there;
        await until(() => client.delete(pods, { namespace, name: first }, { gracePeriodSeconds: random() < 0.3 ? 0 : 1 }));
        there.delete(first);
        deleted.add(first);
      }
    }
  };
  const documentChanges = async () => {
    await until(() => client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'acknowledged', namespace }, data: { number: '0' } } as ConfigMap));
    while (!over) {
      const next = number + 1;
      await until(() => client.patch(configMaps, { namespace, name: 'acknowledged' }, 'merge', { data: { number: String(next) } }));
      number = next;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const running = Promise.all([podsComeAndGo(), documentChanges()]);
  return {
    there, deleted,
    written: () => number,
    acknowledged: () => acknowledged,
    async stop() {
      over = true;
      await running;
    },
  };
}

/** Sleeps, ends at once, crashes, or has a sidecar and an init container. */
function podOf(name: string, random: () => number): Pod {
  const container = (script: string, more = {}) => ({ name: 'main', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script], ...more });
  const kinds = [
    () => ({ containers: [container('exec sleep 1000')] }),
    () => ({ containers: [container('echo done')], restartPolicy: 'Never' }),
    () => ({ containers: [container('exit 3')] }),
    () => ({ containers: [container('trap "exit 0" TERM; while :; do sleep 0.05; done')], initContainers: [container('exit 0', { name: 'init' }), container('exec sleep 1000', { name: 'side', restartPolicy: 'Always' })] }),
    () => ({ containers: [container('exec sleep 1000'), container('exec sleep 1000', { name: 'other' })], shareProcessNamespace: true }),
  ];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: 'churn' } }, spec: { terminationGracePeriodSeconds: 1, ...kinds[Math.floor(random() * kinds.length)]?.() } } as Pod;
}
