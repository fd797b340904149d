/** A small web server as a pod of the built-in image: there is nothing to build or to pull. */
import { toolsImage } from '../../../src/api/well-known.ts';

/** Answers with its version and host name, tells each request on standard output, counts in its log if asked to. */
const program = `
const { createServer } = require('node:http');
const { hostname } = require('node:os');
createServer((request, response) => {
  console.log(request.method + ' ' + request.url);
  response.end('version ' + (process.env.VERSION || '1') + ' on ' + hostname() + '\\n');
}).listen(Number(process.env.PORT || 8080), () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
let count = 0;
if (process.env.COUNT_EVERY) setInterval(() => console.log('count ' + count++), Number(process.env.COUNT_EVERY));
`;

export interface WebPodOptions {
  env?: Record<string, string>;
  nodeName?: string;
  readinessProbe?: boolean;
  /** A port of its node that leads to it. */
  hostPort?: number;
}

export function webPodSpec({ env = {}, nodeName, readinessProbe = true, hostPort }: WebPodOptions = {}): object {
  return {
    ...(nodeName && { nodeSelector: { 'kubernetes.io/hostname': nodeName } }),
    terminationGracePeriodSeconds: 5,
    containers: [{
      name: 'web',
      image: toolsImage,
      imagePullPolicy: 'IfNotPresent',
      command: ['node', '-e', program],
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
      ports: [{ name: 'http', containerPort: 8080, ...(hostPort && { hostPort }) }],
      ...(readinessProbe && { readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 } }),
    }],
  };
}

export function webPod(name: string, options?: WebPodOptions): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: webPodSpec(options) };
}

export function webDeployment(name: string, replicas: number, options?: WebPodOptions): object {
  const labels = { app: name };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels }, spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: webPodSpec(options) } } };
}

/** `spec`: what differs from the defaults. */
export function webDeploymentConfig(name: string, replicas: number, options?: WebPodOptions, spec: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name, labels },
    spec: { replicas, selector: labels, triggers: [{ type: 'ConfigChange' }], template: { metadata: { labels }, spec: webPodSpec(options) }, ...spec },
  };
}

export function webRoute(name: string): object {
  return { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name }, spec: { to: { kind: 'Service', name } } };
}

export function webService(name: string): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, labels: { app: name } }, spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } };
}

/** For `kubectl apply -f -`. */
export function manifestOf(...objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}
