import { describe, expect, test } from 'vitest';
import type { Pod, PodTemplateSpec } from '../../../src/api/kinds/core.ts';
import { debugConfiguration } from '../../../src/extension/debug/debug-configuration.ts';
import { debugRollout, isDebugPod } from '../../../src/extension/debug/debug-rollout.ts';
import { debuggeesIn, type Debuggee } from '../../../src/extension/debug/debuggee.ts';
import { parseScan, type Process } from '../../../src/extension/debug/process-scan.ts';

const record = (pid: number, exe: string, cwd: string, ...args: string[]) => `\x1e${pid}\x1f${exe}\x1f${cwd}\x1f${args.map((arg) => `${arg}\0`).join('')}`;
const sockets = (...ports: number[]) => ['  sl  local_address rem_address   st', ...ports.map((port, index) => `   ${index}: 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 0`), '   9: 0400800A:1F91 01004064:E480 01 0'].join('\n');
const process = (args: string, exe = '/usr/bin/node', pid = 1): Process => ({ pid, exe, cwd: '/opt/app-root/src', args: args.split(' ') });

describe('what a container runs', () => {
  test('is read from /proc, whatever the arguments hold', () => {
    const output = `${record(1, '/usr/bin/node (deleted)', '/opt/app-root/src', 'node', 'server.js', '')}${record(7, '/bin/dash', '/', 'sh', '-c', 'a\nb')}${record(9, '/usr/bin/kworker', '/')}\x1d${sockets(8080, 9229)}`;
    expect(parseScan(output)).toEqual({
      processes: [{ pid: 1, exe: '/usr/bin/node', cwd: '/opt/app-root/src', args: ['node', 'server.js', ''] }, { pid: 7, exe: '/bin/dash', cwd: '/', args: ['sh', '-c', 'a\nb'] }],
      listening: [8080, 9229],
    });
    expect(parseScan('')).toEqual({ processes: [], listening: [] });
  });

  test.each<[string, Process[], number[], Partial<Debuggee>[]]>([
    ['Node.js', [process('node server.js')], [8080], [{ language: 'node', script: 'server.js', port: 9229, listening: false }]],
    ['Node.js that is inspected already', [process('node --inspect=0.0.0.0:9230 server.js')], [9230], [{ port: 9230, listening: true }]],
    ['Node.js with the usual port open', [process('node -r ts-node/register src/server.ts')], [9229], [{ script: 'server.ts', port: 9229, listening: true }]],
    ['npm, and what it started', [process('npm start', '/usr/bin/node', 1), process('node dist/server.js', '/usr/bin/node', 18)], [], [{ script: 'server.js' }]],
    ['npm alone', [process('node /usr/lib/node_modules/npm/bin/npm-cli.js start')], [], [{ script: 'npm-cli.js' }]],
    ['Python', [process('/opt/app-root/bin/python app.py', '/usr/bin/python3.11')], [8080], [{ language: 'python', script: 'app.py', port: 5678, listening: false }]],
    ['Python under debugpy', [process('python -m debugpy --listen 0.0.0.0:5679 app.py', '/usr/bin/python3.11')], [5679], [{ script: 'debugpy', port: 5679, listening: true }]],
    ['Python\'s module', [process('python -u -m gunicorn app:app', '/usr/bin/python3')], [], [{ script: 'gunicorn' }]],
    ['nothing of these', [process('nginx -g daemon', '/usr/sbin/nginx')], [80], []],
  ])('%s', (_, processes, listening, expected) => expect(debuggeesIn({ processes, listening })).toMatchObject(expected));

  test('may be inspected by NODE_OPTIONS', () => expect(debuggeesIn({ processes: [process('node server.js')], listening: [] }, '--enable-source-maps --inspect-port=9300')).toMatchObject([{ port: 9300 }]));
});

describe('a debugger', () => {
  const [node] = debuggeesIn({ processes: [process('node server.js')], listening: [] });
  const [python] = debuggeesIn({ processes: [process('python app.py', '/usr/bin/python3')], listening: [] });

  test('maps the sources of the container to those here', () => {
    expect(debugConfiguration({ debuggee: node as Debuggee, pod: 'web-1', localPort: 9229, folder: '/home/me/web' })).toMatchObject({ type: 'node', request: 'attach', port: 9229, localRoot: '/home/me/web', remoteRoot: '/opt/app-root/src', autoAttachChildProcesses: false });
    expect(debugConfiguration({ debuggee: python as Debuggee, pod: 'web-1', localPort: 5678, folder: '/home/me/web' })).toMatchObject({ type: 'debugpy', connect: { port: 5678 }, pathMappings: [{ localRoot: '/home/me/web', remoteRoot: '/opt/app-root/src' }] });
    expect(debugConfiguration({ debuggee: node as Debuggee, pod: 'web-1', localPort: 9229, folder: undefined })).not.toHaveProperty('localRoot');
  });
});

describe('a rollout for debugging', () => {
  const template = (env: object[] = []): PodTemplateSpec => ({ spec: { containers: [{ name: 'web', image: 'web:1', env }] } }) as PodTemplateSpec;
  const container = (patch: object) => (patch as { spec: { template: { spec: { containers: object[]; initContainers?: object[]; volumes?: object[] } } } }).spec.template.spec;

  test('opens the inspector beside the options there are, and takes that back', () => {
    const rollout = debugRollout('node', template([{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64' }]), 'web');
    expect(container(rollout?.patch ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64 --inspect=127.0.0.1:9229' }] }]);
    expect(container(rollout?.undo ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=64' }] }]);
    expect(container(debugRollout('node', template(), 'web')?.undo ?? {}).containers).toEqual([{ name: 'web', env: [{ name: 'NODE_OPTIONS', $patch: 'delete' }] }]);
  });

  test('brings debugpy by an init container of the same image', () => {
    const { initContainers, volumes, containers } = container(debugRollout('python', template([{ name: 'A', value: 'b' }]), 'web')?.patch ?? {});
    expect(initContainers).toMatchObject([{ name: 'slipway-debugpy', image: 'web:1', env: [{ name: 'A', value: 'b' }] }]);
    expect(volumes).toEqual([{ name: 'slipway-debugpy', emptyDir: {} }]);
    expect(containers).toMatchObject([{ name: 'web', env: [{ name: 'PYTHONPATH', value: '/opt/slipway-debugpy' }] }]);
  });

  test('changes no variable that comes from elsewhere, and no container that is not there', () => {
    expect(debugRollout('node', template([{ name: 'NODE_OPTIONS', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }]), 'web')).toBeUndefined();
    expect(debugRollout('node', template(), 'db')).toBeUndefined();
  });

  test('is known by its pods', () => {
    const pod = (env: object[]) => ({ spec: { containers: [{ name: 'web', env }] } }) as unknown as Pod;
    expect(isDebugPod('node', pod([{ name: 'NODE_OPTIONS', value: '--inspect=127.0.0.1:9229' }]), 'web')).toBe(true);
    expect(isDebugPod('node', pod([]), 'web')).toBe(false);
  });
});
