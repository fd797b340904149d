import { describe, expect, test } from 'vitest';
import type { Pod, PodTemplateSpec } from '../../../src/api/kinds/core.ts';
import { debugConfiguration } from '../../../src/extension/debug/debug-configuration.ts';
import { debugRollout, isDebugPod } from '../../../src/extension/debug/debug-rollout.ts';
import { debuggeesIn, type Debuggee } from '../../../src/extension/debug/debuggee.ts';
import { parseScan, type Process } from '../../../src/extension/debug/process-scan.ts';
import { remoteRootOf } from '../../../src/extension/debug/remote-root.ts';

const record = (pid: number, exe: string, cwd: string, files: string, ...args: string[]) => `\x1e${pid}\x1f${exe}\x1f${cwd}\x1f${files}\x1f${args.map((arg) => `${arg}\0`).join('')}`;
const sockets = (...ports: number[]) => ['  sl  local_address rem_address   st', ...ports.map((port, index) => `   ${index}: 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1001 0 ${7000 + index} 1`), '   9: 0400800A:1F91 01004064:E480 01 0'].join('\n');
const process = (args: string, exe = '/usr/bin/node', pid = 1): Process => ({ pid, exe, cwd: '/opt/app-root/src', args: args.split(' ') });

describe('what a container runs', () => {
  test('is read from /proc, whatever the arguments hold', () => {
    const output = `${record(1, '/usr/bin/node (deleted)', '/opt/app-root/src', 'total 0\nlrwx 3 -> socket:[7001]\nlrwx 4 -> socket:[99]', 'node', 'server.js', '')}${record(7, '/bin/dash', '/', '', 'sh', '-c', 'a\nb')}${record(9, '/usr/bin/kworker', '/', '')}\x1d${sockets(8080, 9229)}`;
    expect(parseScan(output)).toEqual({
      processes: [{ pid: 1, exe: '/usr/bin/node', cwd: '/opt/app-root/src', ports: [9229], args: ['node', 'server.js', ''] }, { pid: 7, exe: '/bin/dash', cwd: '/', args: ['sh', '-c', 'a\nb'] }],
      listening: [8080, 9229],
    });
    expect(parseScan('')).toEqual({ processes: [], listening: [] });
  });

  test.each<[string, Process[], number[], Partial<Debuggee>[]]>([
    ['Node.js', [process('node server.js')], [8080], [{ language: 'node', script: 'server.js', port: 9229, listening: false }]],
    ['Node.js that is inspected already', [process('node --inspect=0.0.0.0:9230 server.js')], [9230], [{ port: 9230, listening: true }]],
    ['Node.js with the usual port open', [process('node -r ts-node/register src/server.ts')], [9229], [{ script: 'server.ts', port: 9229, listening: true }]],
    ['npm, and what it started', [process('npm start', '/usr/bin/node', 1), process('node dist/server.js', '/usr/bin/node', 18)], [], [{ script: 'server.js' }]],
    ['Node.js under npm, which has the usual port', [process('npm start', '/usr/bin/node', 1), { ...process('node dist/server.js', '/usr/bin/node', 18), ports: [8080] }], [8080, 9229], [{ script: 'server.js', port: 9229, listening: false }]],
    ['npm alone', [process('node /usr/lib/node_modules/npm/bin/npm-cli.js start')], [], [{ script: 'npm-cli.js' }]],
    ['Python', [process('/opt/app-root/bin/python app.py', '/usr/bin/python3.11')], [8080], [{ language: 'python', script: 'app.py', port: 5678, listening: false }]],
    ['Python under debugpy', [process('python -m debugpy --listen 0.0.0.0:5679 app.py', '/usr/bin/python3.11')], [5679], [{ script: 'debugpy', port: 5679, listening: true }]],
    ['Python\'s module', [process('python -u -m gunicorn app:app', '/usr/bin/python3')], [], [{ script: 'gunicorn' }]],
    ['nothing of these', [process('nginx -g daemon', '/usr/sbin/nginx')], [80], []],
  ])('%s', (_, processes, listening, expected) => expect(debuggeesIn({ processes, listening })).toMatchObject(expected));

  test('may be inspected by NODE_OPTIONS', () => expect(debuggeesIn({ processes: [process('node server.js')], listening: [] }, '--enable-source-maps --inspect-port=9300')).toMatchObject([{ port: 9300 }]));

  test('is looked for among its own ports, where each program has its own', () => {
    const server = { ...process('node server.js', '/usr/bin/node', 18), ports: [8080, 40123] };
    expect(debuggeesIn({ processes: [process('npm start'), server], listening: [8080, 40123, 40124] }, '--inspect=9229 --inspect=127.0.0.1:0')).toMatchObject([{ port: 0, listening: true, process: { ports: [8080, 40123] } }]);
    expect(debuggeesIn({ processes: [process('node server.js')], listening: [8080] }, '--inspect=127.0.0.1:0')).toMatchObject([{ port: 0, process: { ports: [8080] } }]);
  });
});

describe('a debugger', () => {
  const [node] = debuggeesIn({ processes: [process('node server.js')], listening: [] });
  const [python] = debuggeesIn({ processes: [process('python app.py', '/usr/bin/python3')], listening: [] });

  const remoteRoot = '/opt/app-root/src';

  test('maps the sources of the container to those here', () => {
    expect(debugConfiguration({ debuggee: node as Debuggee, pod: 'web-1', localPort: 9229, folder: '/home/me/web', remoteRoot })).toMatchObject({ type: 'node', request: 'attach', port: 9229, localRoot: '/home/me/web', remoteRoot: '/opt/app-root/src', autoAttachChildProcesses: false });
    expect(debugConfiguration({ debuggee: python as Debuggee, pod: 'web-1', localPort: 5678, folder: '/home/me/web', remoteRoot })).toMatchObject({ type: 'debugpy', connect: { port: 5678 }, pathMappings: [{ localRoot: '/home/me/web', remoteRoot: '/opt/app-root/src' }] });
    expect(debugConfiguration({ debuggee: node as Debuggee, pod: 'web-1', localPort: 9229, folder: undefined, remoteRoot })).not.toHaveProperty('localRoot');
  });
});

describe('where the folder lies in the container', () => {
  const exists = (file: string) => ['/home/me/web/dist/server.js', '/home/me/web/index.js'].includes(file);
  const running = (file: string, cwd = '') => ({ process: { pid: 0, exe: 'node', cwd, args: ['node', file] } }) as Debuggee;

  test.each<[string, Debuggee, string | undefined, string]>([
    ['where the program runs', running('server.js', '/opt/app-root/src'), undefined, '/opt/app-root/src'],
    ['as the container says', running('/app/dist/server.js'), '/srv', '/srv'],
    ['above the file that both have', running('/app/dist/server.js'), undefined, '/app'],
    ['at the root', running('/index.js'), undefined, '/'],
    ['where the file is, else', running('/app/other.js'), undefined, '/app'],
  ])('%s', (_, debuggee, workingDir, expected) => expect(remoteRootOf(debuggee, '/home/me/web', workingDir, exists)).toBe(expected));
});

describe('a rollout for debugging', () => {
  const template = (env: object[] = []): PodTemplateSpec => ({ spec: { containers: [{ name: 'web', image: 'web:1', env }] } }) as PodTemplateSpec;
  const container = (patch: object) => (patch as { spec: { template: { spec: { containers: object[]; initContainers?: object[]; volumes?: object[] } } } }).spec.template.spec;

  test('opens the inspector beside the options there are, and takes that back', () => {
    const rollout = debugRollout('inspector', template([{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64' }]), 'web');
    expect(container(rollout?.patch ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64 --inspect=127.0.0.1:9229' }] }]);
    expect(container(rollout?.undo ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64' }] }]);
    expect(container(debugRollout('inspectors', template(), 'web')?.undo ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', $patch: 'delete' }] }]);
  });

  test('brings debugpy by an init container of the same image', () => {
    const { initContainers, volumes, containers } = container(debugRollout('debugpy', template([{ name: 'A', value: 'b' }]), 'web')?.patch ?? {});
    expect(initContainers).toMatchObject([{ name: 'slipway-debugpy', image: 'web:1', env: [{ name: 'A', value: 'b' }] }]);
    expect(volumes).toEqual([{ name: 'slipway-debugpy', emptyDir: {} }]);
    expect(containers).toMatchObject([{ name: 'web', env: [{ name: 'PYTHONPATH', value: '/opt/slipway-debugpy' }] }]);
  });

  test('changes no variable that comes from elsewhere, and no container that is not there', () => {
    expect(debugRollout('inspector', template([{ name: 'NODE_OPTIONS', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }]), 'web')).toBeUndefined();
    expect(debugRollout('inspector', template(), 'db')).toBeUndefined();
  });

  test('is known by its pods', () => {
    const pod = (env: object[]) => ({ spec: { containers: [{ name: 'web', env }] } }) as unknown as Pod;
    const inspected = pod([{ name: 'NODE_OPTIONS', value: '--no-warnings --inspect=127.0.0.1:9229' }]);
    expect(isDebugPod('inspector', inspected, 'web')).toBe(true);
    expect(isDebugPod('inspectors', inspected, 'web')).toBe(false);
    expect(isDebugPod('inspector', pod([]), 'web')).toBe(false);
    expect(isDebugPod('debugpy', pod([{ name: 'PYTHONPATH', value: '/opt/slipway-debugpy:/lib' }]), 'web')).toBe(true);
  });
});
