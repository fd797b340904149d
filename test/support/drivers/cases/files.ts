import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../platform/platform.ts';
import { place, podOf, shell, type DriverCase } from '../contract.ts';

const stay = 'exec sleep 100000';

export const files: DriverCase[] = [
  {
    name: 'config maps, secrets, fields and tokens, kept up to date but in a part of a volume',
    objects: () => [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'blue', size: 'small' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'passwords' }, stringData: { key: 'one' } },
      podOf('reads', [shell('main', stay, { volumeMounts: [{ name: 'all', mountPath: `${place}/all` }, { name: 'settings', mountPath: `${place}/part`, subPath: 'colour' }, { name: 'settings', mountPath: `${place}/settings` }] })], {
        volumes: [
          { name: 'settings', configMap: { name: 'settings', items: [{ key: 'colour', path: 'colour' }] } },
          { name: 'all', projected: { defaultMode: 0o440, sources: [{ configMap: { name: 'settings' } }, { secret: { name: 'passwords', items: [{ key: 'key', path: 'secret/key', mode: 0o400 }] } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }, { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 900 } }] } },
        ],
      }),
    ],
    async run(bed) {
      await bed.ready('reads');
      const read = async (...names: string[]) => (await bed.exec('reads', 'cat', ...names.map((name) => `${place}/${name}`))).stdout;
      expect(await read('all/colour', 'all/size', 'all/secret/key', 'part', 'settings/colour', 'all/labels')).toBe('bluesmalloneblueblueapp="reads"');
      expect((await bed.exec('reads', 'stat', '-Lc', '%a', `${place}/all/colour`, `${place}/all/secret/key`)).stdout).toBe('440\n400\n');
      expect((await bed.exec('reads', 'ls', `${place}/settings`)).stdout).toBe('colour\n');
      const claims = JSON.parse(Buffer.from((await read('all/token')).split('.')[1] ?? '', 'base64url').toString()) as { exp: number; iat: number };
      expect(claims).toMatchObject({ aud: ['vault'], 'kubernetes.io': { pod: { name: 'reads' } } });
      expect(claims.exp - claims.iat).toBe(900);
      // The account of every pod, where programs look for it.
      expect((await bed.exec('reads', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/namespace')).stdout).toBe('default');
      await bed.platform.kube('patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"colour":"green"}}');
      await bed.platform.kube('patch', 'secret', 'passwords', '--type=merge', '-p', '{"stringData":{"key":"two"}}');
      await bed.platform.kube('label', 'pod', 'reads', 'app=changed', '--overwrite');
      await eventually('the change is seen', async () => ((await read('all/colour', 'settings/colour', 'all/secret/key', 'all/labels')) === 'greengreentwoapp="changed"' ? true : undefined));
      expect(await read('part')).toBe('blue');
    },
  },
  {
    name: 'scratch space that its containers share, on disk and in memory',
    objects: () => [podOf('scratch', ['one', 'two'].map((name, at) => shell(name, at === 0 ? `echo disk > ${place}/disk/word; echo memory > ${place}/memory/word; ${stay}` : stay, { volumeMounts: [{ name: 'disk', mountPath: `${place}/disk` }, { name: 'memory', mountPath: `${place}/memory` }] })), {
      volumes: [{ name: 'disk', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory' } }],
    })],
    async run(bed) {
      await bed.ready('scratch');
      const inOther = (...argv: string[]) => bed.platform.kube('exec', 'scratch', '-c', 'two', '--', ...argv);
      await eventually('the other one wrote', async () => ((await inOther('cat', `${place}/disk/word`, `${place}/memory/word`)) === 'disk\nmemory\n' ? true : undefined));
      expect(await inOther('stat', '-Lfc', '%T', `${place}/memory`)).toBe('tmpfs\n');
    },
  },
  {
    name: 'claims and folders of this machine, parts of them by name, and what is written there stays',
    objects: (bed) => [
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'claimed' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } } },
      podOf('writes', [shell('main', `until [ -s ${place}/shared/word ]; do sleep 0.05; done; set -e; cat ${place}/shared/word; echo "by $NAME" > ${place}/claimed/word; echo back > ${place}/shared/back; echo part > ${place}/part/file`, {
        env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }], ...(bed.driver !== 'process' && { securityContext: { runAsUser: 1234 } }),
        volumeMounts: [{ name: 'claimed', mountPath: `${place}/claimed` }, { name: 'claimed', mountPath: `${place}/part`, subPathExpr: 'of/$(NAME)' }, { name: 'shared', mountPath: `${place}/shared` }],
      })], { restartPolicy: 'Never', volumes: [{ name: 'claimed', persistentVolumeClaim: { claimName: 'claimed' } }, { name: 'shared', hostPath: { path: bed.shared, type: 'Directory' } }] }),
    ],
    async run(bed) {
      writeFileSync(path.join(bed.shared, 'word'), 'from outside\n');
      const { status } = await bed.until('writes', 'it has ended', (pod) => /Succeeded|Failed/.test(pod.status?.phase ?? ''));
      expect(await bed.platform.kube('logs', 'writes')).toBe('from outside\n');
      expect(status?.phase).toBe('Succeeded');
      expect(readFileSync(path.join(bed.shared, 'back'), 'utf8')).toBe('back\n');
      await bed.platform.kube('delete', 'pod', 'writes');
      const reads = podOf('later', [shell('main', `cat ${place}/claimed/word ${place}/claimed/of/writes/file`, { volumeMounts: [{ name: 'claimed', mountPath: `${place}/claimed` }] })], { restartPolicy: 'Never', volumes: [{ name: 'claimed', persistentVolumeClaim: { claimName: 'claimed' } }] });
      await bed.platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify(reads) });
      await bed.until('later', 'it has ended', (pod) => /Succeeded|Failed/.test(pod.status?.phase ?? ''));
      expect(await bed.platform.kube('logs', 'later')).toBe('by writes\npart\n');
    },
  },
  {
    name: 'volumes inside each other, at paths of this machine, read-only',
    skips: { process: 'plain processes see this machine\'s own paths: nothing is mounted over them' },
    objects: () => [podOf('nested', [shell('main', stay, { volumeMounts: [{ name: 'outer', mountPath: '/srv/data' }, { name: 'inner', mountPath: '/srv/data/inner' }, { name: 'outer', mountPath: '/closed', readOnly: true }] })], { volumes: [{ name: 'outer', emptyDir: {} }, { name: 'inner', emptyDir: {} }] })],
    async run(bed) {
      await bed.ready('nested');
      expect((await bed.exec('nested', 'sh', '-c', 'echo out > /srv/data/word; echo in > /srv/data/inner/word; cat /closed/word; ls /closed/inner; echo no > /closed/word')).stdout).toBe('out\n');
      expect((await bed.exec('nested', 'sh', '-c', 'echo no > /closed/word')).stderr).toContain('Read-only file system');
    },
  },
];
