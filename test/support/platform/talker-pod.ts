/** Pods that talk and listen, for what happens between pods: names and addresses of who asks, over TCP and UDP. */
import { toolsImage } from '../../../src/api/well-known.ts';
import type { Platform } from './platform.ts';

/** HTTP on 8080 and datagrams on 5300 are answered by `<pod> <address of who asks>`; lines on 9000 by `<pod> <line>`. Told to end, it goes on for DRAIN_MS. */
const program = `
const { hostname } = require('node:os');
const plain = (address) => address.replace(/^::ffff:/, '');
require('node:http').createServer((request, response) => response.end(hostname() + ' ' + plain(request.socket.remoteAddress))).listen(8080);
const udp = require('node:dgram').createSocket('udp4');
udp.on('message', (message, from) => udp.send(hostname() + ' ' + from.address, from.port, from.address)).bind(5300);
require('node:net').createServer((socket) => socket.on('data', (line) => socket.write(hostname() + ' ' + line)).on('error', () => undefined)).listen(9000);
process.on('SIGTERM', () => setTimeout(() => process.exit(0), Number(process.env.DRAIN_MS || 0)));
`;

export interface TalkerOptions {
  labels?: Record<string, string>;
  node?: string;
  drainMs?: number;
  hostNetwork?: boolean;
  /** Ports of its node: for HTTP, and for datagrams. */
  hostPorts?: { web: number; udp?: number };
  /** False: it never passes its readiness probe. */
  ready?: boolean;
  namespace?: string;
  spec?: object;
}

export function talkerSpec({ node, drainMs = 0, hostNetwork = false, ready = true, hostPorts, spec = {} }: TalkerOptions = {}): object {
  return {
    ...(node && { nodeSelector: { 'kubernetes.io/hostname': node } }),
    ...(hostNetwork && { hostNetwork }),
    terminationGracePeriodSeconds: drainMs > 0 ? 60 : 1,
    containers: [{
      name: 'talker', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', hostNetwork ? 'setInterval(() => {}, 1e6)' : program], env: [{ name: 'DRAIN_MS', value: String(drainMs) }],
      ...(!hostNetwork && { ports: [
          { name: 'web', containerPort: 8080, ...(hostPorts && { hostPort: hostPorts.web }) }, { name: 'talk', containerPort: 9000 },
          ...(hostPorts?.udp === undefined ? [] : [{ name: 'udp', containerPort: 5300, protocol: 'UDP', hostPort: hostPorts.udp }]),
        ],
        readinessProbe: { tcpSocket: { port: ready ? 8080 : 1 }, periodSeconds: 1 } }),
    }],
    ...spec,
  };
}

export function talker(name: string, options: TalkerOptions = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...(options.namespace && { namespace: options.namespace }), labels: options.labels ?? { app: name } }, spec: talkerSpec(options) };
}

export function service(name: string, spec: object, namespace?: string): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, ...(namespace && { namespace }) }, spec };
}

export const talkerPorts = [{ name: 'web', port: 80, targetPort: 'web' }, { name: 'udp', port: 53, protocol: 'UDP', targetPort: 5300 }, { name: 'talk', port: 9000 }];

/** For scripts that run in pods. A failure to connect is told by its code; `spread` asks until two have answered, since others may ask in between and take every other turn. */
const helpers = `
const net = require('node:net'), http = require('node:http'), dgram = require('node:dgram'), sleep = require('node:timers/promises').setTimeout;
const web = (host, port = 80) => new Promise((resolve) => http.get({ host, port, agent: false, timeout: 3000 }, (response) => { let text = ''; response.on('data', (part) => text += part).on('end', () => resolve(text)); }).on('timeout', function () { this.destroy(new Error('silence')); }).on('error', (error) => resolve(error.code ?? error.message)));
const udp = (host, port = 53, socket = dgram.createSocket('udp4').unref()) => new Promise((resolve) => { const timer = setTimeout(() => resolve('silence'), 2000); socket.once('message', (text) => { clearTimeout(timer); resolve(String(text)); }).on('error', () => undefined); socket.send('?', port, host); });
const line = (host, port = 9000) => new Promise((resolve) => { const socket = net.connect(port, host, () => socket.write('x')); socket.on('data', (text) => { socket.destroy(); resolve(String(text)); }).on('error', (error) => resolve(error.code)); });
const refused = (host, port = 53) => new Promise((resolve) => { const socket = dgram.createSocket('udp4'), timer = setTimeout(() => resolve('silence'), 3000); socket.on('error', (error) => { clearTimeout(timer); resolve(error.code); }).on('message', String).connect(port, host, () => socket.send('?')); });
const who = async (answer) => (await answer).split(' ')[0];
const all = async (count, ask) => { const seen = new Set(); for (let n = 0; n < count; n += 1) seen.add(await ask()); return [...seen].sort(); };
const spread = async (ask) => { const seen = new Set(); for (let n = 0; n < 24 && seen.size < 2; n += 1) seen.add(await ask()); return [...seen].sort(); };
const print = (value) => console.log(JSON.stringify(value));
`;

/** Runs a script in a pod; its last line is the JSON that it prints. */
export async function inPod<T>(platform: Platform, pod: string, script: string, namespace = 'default'): Promise<T> {
  const text = await platform.kube('exec', '-n', namespace, pod, '--', 'node', '-e', `${helpers}(async () => { ${script} })().then(() => process.exit(0))`);
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as T;
}
