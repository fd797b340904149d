import { expect } from 'vitest';
import { eventually } from '../../platform/platform.ts';
import type { DriverBed } from '../bed.ts';
import { kept, node, place, podOf, shell, told, untilTold, type DriverCase } from '../contract.ts';

const shared = (bed: Pick<DriverBed, 'shared'>) => ({ name: 'shared', hostPath: { path: bed.shared, type: 'Directory' } });
const mount = [{ name: 'shared', mountPath: `${place}/shared` }];
const trace = (file: string) => `${place}/shared/${file}`;
/** Deletes a pod that is `kept` and lets it go once all its containers have ended. */
async function ended(bed: DriverBed, name: string): Promise<Record<string, number | undefined>> {
  await bed.platform.kube('delete', 'pod', name, '--wait=false');
  const states = await bed.states(name, 'its containers end', (of) => Object.values(of).every(({ state }) => state?.terminated));
  await bed.platform.kube('patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  return Object.fromEntries(Object.entries(states).map(([container, { state }]) => [container, state?.terminated?.exitCode]));
}

export const life: DriverCase[] = [
  {
    name: 'ends with exit codes, signals and last words',
    objects: () => [podOf('ends', [
      shell('done', 'echo said > "${SLIPWAY_TERMINATION_LOG:-/dev/termination-log}"'),
      shell('failed', 'echo last words; exit 7', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
      // Not process 1, to which nothing happens where it is alone.
      shell('signalled', `sh -c 'kill -s SEGV $$$$'; exit $?`),
    ], { restartPolicy: 'Never' })],
    async run(bed) {
      const { status } = await bed.until('ends', 'it has failed', (pod) => pod.status?.phase === 'Failed');
      const ends = Object.fromEntries((status?.containerStatuses ?? []).map(({ name, state }) => [name, state?.terminated]));
      expect(ends).toMatchObject({ done: { exitCode: 0, reason: 'Completed', message: 'said\n' }, failed: { exitCode: 7, reason: 'Error', message: 'last words\n' }, signalled: { exitCode: 139, reason: 'Error' } });
      for (const end of Object.values(ends)) expect(Date.parse(end?.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(end?.startedAt ?? ''));
    },
  },
  {
    name: 'is started again, with its volumes and the log before',
    objects: () => [podOf('again', [shell('main', `cd ${place}/kept; n=$(cat n 2>/dev/null || echo 0); echo run $n; echo $((n + 1)) > n; [ $n = 0 ] && exit 3; ${told('true')}`, { volumeMounts: [{ name: 'kept', mountPath: `${place}/kept` }] })], { volumes: [{ name: 'kept', emptyDir: {} }] })],
    async run(bed) {
      const { main } = await bed.states('again', 'it runs again', (of) => of.main?.restartCount === 1 && of.main.state?.running !== undefined);
      expect(main?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
      expect([await bed.told('again'), await bed.platform.kube('logs', 'again', '--previous')]).toEqual(['run 1\n', 'run 0\n']);
    },
  },
  {
    name: 'that fails again and again waits longer',
    objects: () => [podOf('crashes', [shell('main', 'exit 1')])],
    async run(bed) {
      const { main } = await bed.states('crashes', 'it waits', (of) => of.main?.state?.waiting?.reason === 'CrashLoopBackOff');
      expect(main?.state?.waiting?.message).toMatch(/^back-off 10s restarting failed container=main pod=crashes_default\(.*\)$/);
    },
  },
  {
    name: 'that cannot be started says why',
    objects: () => [podOf('broken', [
      shell('unknown', 'true', { image: 'docker-registry.default.svc:5000/default/nothing:1' }),
      shell('never', 'true', { image: 'docker-registry.default.svc:5000/default/nothing:2', imagePullPolicy: 'Never' }),
      shell('unset', 'true', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nothing', key: 'a' } } }] }),
      shell('root', 'true', { securityContext: { runAsNonRoot: true } }),
    ])],
    async run(bed) {
      const wanted: Record<string, RegExp> = { unknown: /^(ErrImagePull|ImagePullBackOff)$/, never: /^ErrImageNeverPull$/, unset: /^CreateContainerConfigError$/, root: /^CreateContainerConfigError$/ };
      const waiting = await bed.states('broken', 'every container says why', (of) => Object.entries(wanted).every(([name, reason]) => reason.test(of[name]?.state?.waiting?.reason ?? '')));
      expect(waiting.unset?.state?.waiting?.message).toBe('configmap "nothing" not found');
      expect(waiting.root?.state?.waiting?.message).toBe('container has runAsNonRoot and image will run as root');
      await bed.platform.kube('delete', 'pod', 'broken', '--wait=false');
    },
  },
  {
    name: 'whose program is not there has failed, and says so',
    objects: () => [podOf('missing', [shell('main', '', { command: ['/no/such/program'] })], { restartPolicy: 'Never' })],
    async run(bed) {
      const { status } = await bed.until('missing', 'it has failed', (pod) => pod.status?.phase === 'Failed');
      expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 128, reason: 'ContainerCannotRun', message: expect.stringMatching(/\/no\/such\/program.*(not found|no such file)/i) as string });
    },
  },
  {
    name: 'runs init containers in turn, sidecars beside them, and ends in the other order',
    objects: (bed) => [podOf('ordered', [shell('main', `echo main >> ${trace('begin')}; ${untilTold(trace('end'), 'main')}`, { volumeMounts: mount })], {
      terminationGracePeriodSeconds: 20,
      volumes: [shared(bed)],
      initContainers: [
        shell('first', `sleep 0.2; echo first >> ${trace('begin')}`, { volumeMounts: mount }),
        shell('beside', `sleep 0.2; echo beside >> ${trace('begin')}; ${untilTold(trace('end'), 'beside')}`, { volumeMounts: mount, restartPolicy: 'Always', startupProbe: { exec: { command: ['grep', '-q', 'beside', trace('begin')] }, periodSeconds: 1 } }),
        shell('second', `echo second >> ${trace('begin')}`, { volumeMounts: mount }),
      ],
    }, kept)],
    async run(bed) {
      await bed.ready('ordered');
      await eventually('the last one wrote', () => Promise.resolve(bed.lines('begin').length === 4 || undefined));
      expect(bed.lines('begin')).toEqual(['first', 'beside', 'second', 'main']);
      expect(await ended(bed, 'ordered')).toEqual({ first: 0, beside: 0, second: 0, main: 0 });
      expect(bed.lines('end')).toEqual(['main', 'beside']);
    },
  },
  {
    name: 'is asked before it ends, told, and killed after its grace',
    objects: (bed) => [
      podOf('polite', [shell('main', untilTold(trace('hooks'), 'TERM'), { volumeMounts: mount, lifecycle: { postStart: { exec: { command: ['sh', '-c', `echo started >> ${trace('hooks')}`] } }, preStop: { exec: { command: ['sh', '-c', `echo stopping >> ${trace('hooks')}`] } } } })], { terminationGracePeriodSeconds: 20, volumes: [shared(bed)] }, kept),
      podOf('stubborn', [shell('main', `trap 'echo TERM >> ${trace('stubborn')}' TERM; echo up; while :; do sleep 0.05; done`, { volumeMounts: mount })], { volumes: [shared(bed)] }, kept),
      podOf('late', [shell('main', 'exec sleep 100000')], { activeDeadlineSeconds: 1 }),
    ],
    async run(bed) {
      await bed.ready('polite');
      expect(await ended(bed, 'polite')).toEqual({ main: 0 });
      expect(bed.lines('hooks')).toEqual(['started', 'stopping', 'TERM']);
      await eventually('it heeds signals', async () => ((await bed.platform.kube('logs', 'stubborn')) === 'up\n' ? true : undefined));
      expect(await ended(bed, 'stubborn')).toEqual({ main: 137 });
      expect(bed.lines('stubborn')).toEqual(['TERM']);
      expect((await bed.until('late', 'it has failed', (pod) => pod.status?.phase === 'Failed')).status).toMatchObject({ reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' });
    },
  },
  {
    name: 'over its memory is killed, and says so',
    objects: () => [podOf('greedy', [node('main', 'const kept = []; setInterval(() => kept.push(Buffer.alloc(16 << 20, 1)), 10)', { resources: { limits: { memory: '150Mi' } } })], { restartPolicy: 'Never' })],
    async run(bed) {
      const { main } = await bed.states('greedy', 'it has ended', (of) => of.main?.state?.terminated !== undefined);
      expect(main?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled', message: expect.stringContaining('used more memory than its limit') as string });
    },
  },
  {
    name: 'killed below its limit of memory is told apart',
    skips: { podman: 'it does not pass on the kernel\'s word on control groups of version 1, so whoever has a limit and is killed by nobody was killed for it' },
    objects: () => [podOf('killed', [shell('main', 'exit 137', { resources: { limits: { memory: '500Mi' } } })], { restartPolicy: 'Never' })],
    async run(bed) {
      const { main } = await bed.states('killed', 'it has ended', (of) => of.main?.state?.terminated !== undefined);
      expect(main?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    },
  },
];
