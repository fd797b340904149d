import { expect } from 'vitest';
import { place, podOf, shell, told, type DriverCase } from '../contract.ts';

const noRoot = 'plain processes run as this user, on this machine\'s own files';
const noNetwork = 'plain processes share the network and the name of this machine';

export const surroundings: DriverCase[] = [
  {
    name: 'variables: plain, of config maps, secrets, fields, resources and services',
    objects: () => [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' }, data: { colour: 'blue', 'log.level': 'high' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { key: 'one' } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'early' }, spec: { clusterIP: '172.30.200.7', ports: [{ port: 7000 }] } },
      podOf('variables', [shell('main', '', {
        command: ['node', '-e', 'console.log(JSON.stringify(process.env)); console.log("over"); setInterval(() => {}, 1e6)'],
        envFrom: [{ configMapRef: { name: 'words' }, prefix: 'W_' }],
        env: [
          { name: 'PLAIN', value: 'a "quoted" $HOME \\ line\nand another' }, { name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'key' } } }, { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'MADE', value: '$(KEY) of $(NAME), not $$(KEY) nor $(NOBODY)' }, { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        ],
        resources: { limits: { memory: '300Mi' } },
      })]),
    ],
    async run(bed) {
      const { status } = await bed.ready('variables');
      const env = JSON.parse(await bed.told('variables')) as Record<string, string>;
      expect(env).toMatchObject({ PLAIN: 'a "quoted" $HOME \\ line\nand another', MADE: 'one of variables, not $(KEY) nor $(NOBODY)', KEY: 'one', NAME: 'variables', ADDRESS: status?.podIP, LIMIT: '300', W_colour: 'blue', 'W_log.level': 'high', HOSTNAME: 'variables' });
      expect(env.EARLY_SERVICE_PORT).toMatch(bed.driver === 'process' ? /^\d+$/ : /^7000$/);
      expect(env.EARLY_SERVICE_HOST).toBe(bed.driver === 'process' ? '127.0.0.1' : '172.30.200.7');
    },
  },
  {
    name: 'a folder to work in',
    objects: () => [podOf('working', [shell('main', told('pwd; echo mine > file; ls'), { workingDir: `${place}/made/on/the/way` })])],
    async run(bed) {
      const [folder, file] = (await bed.told('working')).split('\n');
      expect(folder).toMatch(new RegExp(`${place}/made/on/the/way$`));
      expect(file).toBe('file');
      expect((await bed.exec('working', 'cat', 'file')).stdout).toBe('mine\n');
    },
  },
  {
    name: 'a user and a group',
    skips: { process: noRoot },
    objects: () => [podOf('user', [shell('main', told('id -u; id -g'), { securityContext: { runAsUser: 1234, runAsGroup: 4321 } })])],
    async run(bed) {
      expect(await bed.told('user')).toBe('1234\n4321\n');
      expect((await bed.exec('user', 'id', '-u')).stdout).toBe('1234\n');
    },
  },
  {
    name: 'a root of its own, read-only if asked for, without powers over this machine',
    skips: { process: noRoot },
    objects: () => [podOf('root', [
      shell('main', told('touch /mine && echo may; grep NoNewPrivs /proc/self/status; ls /home')),
      shell('read', told('touch /mine 2>&1; touch /opt/app-root/x/mine && echo may'), { securityContext: { readOnlyRootFilesystem: true }, volumeMounts: [{ name: 'x', mountPath: `${place}/x` }] }),
    ], { volumes: [{ name: 'x', emptyDir: {} }] })],
    async run(bed) {
      expect(await bed.told('root')).toBe('may\nNoNewPrivs:\t1\n');
      expect(await bed.told('root', 'read')).toMatch(/Read-only file system\nmay\n$/);
    },
  },
  {
    name: 'a name, an address and names of others',
    skips: { process: noNetwork },
    objects: () => [podOf('named', [shell('main', told('hostname; hostname -f; getent hosts other.test; node -p "os.networkInterfaces().eth0[0].address"; cat /etc/resolv.conf'))], {
      hostname: 'front', subdomain: 'inner', hostAliases: [{ ip: '10.9.8.7', hostnames: ['other.test'] }], dnsConfig: { searches: ['more.test'], options: [{ name: 'timeout', value: '3' }] },
    })],
    async run(bed) {
      const { status } = await bed.ready('named');
      const lines = (await bed.told('named')).split('\n');
      expect(lines.slice(0, 2)).toEqual(['front', 'front.inner.default.svc.cluster.local']);
      expect(lines[2]).toMatch(/^10\.9\.8\.7 +other\.test/);
      expect(lines[3]).toBe(status?.podIP);
      const text = lines.slice(4).join('\n');
      expect(text).toMatch(/^nameserver 172\.30\.0\.10$/m);
      expect(text).toMatch(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local more\.test$/m);
      expect(text).toMatch(/^options .*\btimeout:3\b/m);
    },
  },
  {
    name: 'processes of the other containers, where they are shared',
    skips: { process: 'plain processes see all of this machine' },
    objects: () => [podOf('together', [shell('main', 'exec sleep 100001'), shell('other', 'exec sleep 100002')], { shareProcessNamespace: true })],
    async run(bed) {
      await bed.ready('together');
      const { stdout } = await bed.platform.kubectl(['exec', 'together', '-c', 'other', '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "']);
      for (const command of ['sleep 100001', 'sleep 100002']) expect(stdout).toContain(command);
    },
  },
];
