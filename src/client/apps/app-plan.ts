/** Which objects make an application from source, as `oc new-app` makes them: pure. */
import type { BuildConfig } from '../../api/kinds/build.ts';
import type { Service } from '../../api/kinds/core.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { ImageStream } from '../../api/kinds/image.ts';
import type { Route } from '../../api/kinds/route.ts';

export type AppSource =
  /** The folder is packed and sent; builds start with what it holds at that moment. */
  | { type: 'folder'; folder: string }
  | { type: 'git'; uri: string; ref?: string | undefined; contextDir?: string | undefined };

export interface AppOptions {
  name: string;
  namespace: string;
  source: AppSource;
  /** An image stream tag, e.g. `nodejs:latest`; without a namespace it is one of project `openshift`. Or the source's own Dockerfile, by its path. */
  builder: string | { dockerfile: string };
  /** Port the application listens on. */
  port: number;
  env?: { name: string; value: string }[];
  /** More annotations of the build config. */
  annotations?: Record<string, string>;
  route: boolean;
}

export interface AppObjects {
  imageStream: ImageStream;
  buildConfig: BuildConfig;
  deploymentConfig: DeploymentConfig;
  service: Service;
  route: Route | undefined;
}

/** Says who made the objects, as `oc` does. */
const createdBy = { 'openshift.io/generated-by': 'Slipway' };

export function planApp(options: AppOptions): AppObjects {
  const { name, namespace, port } = options;
  const labels = { app: name, 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': name, 'app.kubernetes.io/component': name, 'app.kubernetes.io/part-of': name };
  const metadata = { name, namespace, labels, annotations: createdBy };
  const selector = { app: name, deploymentconfig: name };
  const env = [{ name: 'PORT', value: String(port) }, ...(options.env ?? [])];
  return {
    imageStream: { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata, spec: { lookupPolicy: { local: false } } },
    buildConfig: {
      apiVersion: 'build.openshift.io/v1',
      kind: 'BuildConfig',
      metadata: { ...metadata, annotations: { ...createdBy, ...options.annotations } },
      spec: {
        runPolicy: 'Serial',
        source: sourceOf(options.source),
        strategy: strategyOf(options),
        output: { to: { kind: 'ImageStreamTag', name: `${name}:latest` } },
        triggers: [
          ...(options.source.type === 'git' ? ([{ type: 'ConfigChange' }] as const) : []),
          // A Dockerfile names its images itself: no stream tells of a new one.
          ...(typeof options.builder === 'string' ? ([{ type: 'ImageChange', imageChange: {} }] as const) : []),
        ],
      },
    },
    deploymentConfig: {
      apiVersion: 'apps.openshift.io/v1',
      kind: 'DeploymentConfig',
      metadata,
      spec: {
        replicas: 1,
        selector,
        strategy: { type: 'Rolling' },
        template: {
          metadata: { labels: { ...labels, ...selector } },
          spec: {
            containers: [
              {
                name,
                image: `${name}:latest`,
                ports: [{ containerPort: port, protocol: 'TCP' }],
                env,
                // Traffic is sent only to what listens: a rolling update then drops no request.
                readinessProbe: { tcpSocket: { port }, periodSeconds: 2, failureThreshold: 30 },
              },
            ],
          },
        },
        triggers: [
          { type: 'ConfigChange' },
          { type: 'ImageChange', imageChangeParams: { automatic: true, containerNames: [name], from: { kind: 'ImageStreamTag', name: `${name}:latest` } } },
        ],
      },
    },
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: [{ name: `${port}-tcp`, port, targetPort: port, protocol: 'TCP' }] },
    },
    route: options.route
      ? { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata, spec: { to: { kind: 'Service', name, weight: 100 }, port: { targetPort: `${port}-tcp` } } }
      : undefined,
  };
}

function sourceOf(source: AppSource): BuildConfig['spec']['source'] {
  if (source.type === 'folder') return { type: 'Binary', binary: {} };
  return {
    type: 'Git',
    git: { uri: source.uri, ...(source.ref && { ref: source.ref }) },
    ...(source.contextDir && { contextDir: source.contextDir }),
  };
}

function strategyOf({ builder, env }: AppOptions): BuildConfig['spec']['strategy'] {
  const variables = env?.length ? { env } : {};
  if (typeof builder === 'string') return { type: 'Source', sourceStrategy: { from: builderReference(builder), ...variables } };
  return { type: 'Docker', dockerStrategy: { ...(builder.dockerfile !== 'Dockerfile' && { dockerfilePath: builder.dockerfile }), ...variables } };
}

function builderReference(builder: string): { kind: string; namespace: string; name: string } {
  const slash = builder.indexOf('/');
  const name = slash < 0 ? builder : builder.slice(slash + 1);
  return { kind: 'ImageStreamTag', namespace: slash < 0 ? 'openshift' : builder.slice(0, slash), name: name.includes(':') ? name : `${name}:latest` };
}
