/** A few kinds with simple rules, enough to exercise the API server without any stage. */
import { duplexPair, Readable } from 'node:stream';
import { deployments, type Deployment } from '../../src/api/kinds/apps.ts';
import { configMaps, namespaces, pods, secrets, type Binding, type ConfigMap, type Namespace, type Pod, type Secret } from '../../src/api/kinds/core.ts';
import { leases, type Lease } from '../../src/api/kinds/cluster.ts';
import { projects, type Project } from '../../src/api/kinds/project.ts';
import { resource } from '../../src/api/resource.ts';
import type { KubeObject } from '../../src/api/meta.ts';
import { invalidValue, notFound } from '../../src/api/status.ts';
import { formatSelector, selectorOf } from '../../src/api/selector.ts';
import { ageColumn, nameColumn } from '../../src/controlplane/kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../src/controlplane/kernel/apiserver/kind.ts';

/** A kind without a schema, as a custom resource has it. */
export const widgets = resource<KubeObject & { spec?: Record<string, unknown> }>('example.com/v1', { kind: 'Widget', plural: 'widgets', namespaced: true });

export const sampleKinds: readonly Kind[] = [
  kind<Namespace>({
    type: 'stored',
    resource: namespaces,
    generation: false,
    nameRule: 'dns1123Label',
    prepareCreate(object) {
      object.spec = { finalizers: ['kubernetes'] };
      object.status = { phase: 'Active' };
      (object.metadata.labels ??= {})['kubernetes.io/metadata.name'] = object.metadata.name;
    },
    prepareDelete(object) {
      (object.status ??= {}).phase = 'Terminating';
    },
    finalizers: (object) => object.spec?.finalizers ?? [],
    subresources: {
      finalize: { type: 'fields', kind: 'Namespace', copy: (from, to) => void ((to as Namespace).spec = (from as Namespace).spec ?? {}) },
    },
    columns: [nameColumn, { name: 'Status', type: 'string', cell: (object) => object.status?.phase ?? '' }, ageColumn],
  }),
  kind<ConfigMap>({
    type: 'stored',
    resource: configMaps,
    columns: [nameColumn, { name: 'Data', type: 'integer', cell: (object) => Object.keys(object.data ?? {}).length }, ageColumn],
    validate: (object, old) => (old?.immutable && !object.immutable ? [invalidValue('immutable', false, 'field is immutable when `immutable` is set')] : []),
  }),
  kind<Secret>({ type: 'stored', resource: secrets }),
  kind<Lease>({ type: 'stored', resource: leases, generation: false }),
  kind<Pod>({
    type: 'stored',
    resource: pods,
    generation: false,
    defaults(object) {
      object.spec.restartPolicy ??= 'Always';
      object.spec.terminationGracePeriodSeconds ??= 30;
    },
    prepareCreate(object) {
      object.status = { phase: 'Pending' };
    },
    gracePeriod: (object, asked) => asked ?? object.spec.terminationGracePeriodSeconds ?? 30,
    selectableFields: { 'spec.nodeName': (object) => object.spec.nodeName ?? '', 'status.phase': (object) => object.status?.phase ?? '' },
    subresources: {
      log: { type: 'text', kind: 'Pod', run: ({ name, query }) => Promise.resolve(Readable.from([`log of ${name ?? ''}\n`, ...(query.get('follow') ? ['and more\n'] : [])])) },
      /** Says what it was asked, echoes its input, ends with the code that the last argument names. */
      exec: {
        type: 'stream',
        kind: 'PodExecOptions',
        protocol: 'remotecommand',
        async run({ query }, { stdin, stdout, stderr, exit }) {
          const command = query.getAll('command');
          stdout?.write(`run ${command.join(' ')}\n`);
          if (stdin) for await (const chunk of stdin) stdout?.write(chunk as Buffer);
          stderr?.write('done\n');
          exit({ code: Number(command.at(-1)) || 0 });
        },
      },
      /** Answers with the port's number and what it reads. */
      portforward: {
        type: 'stream',
        kind: 'PodPortForwardOptions',
        protocol: 'portforward',
        run(_context, port) {
          const [ours, theirs] = duplexPair();
          ours.write(`port ${port}: `);
          ours.pipe(ours);
          return Promise.resolve(theirs);
        },
      },
      binding: {
        type: 'action',
        kind: 'Binding',
        apiVersion: 'v1',
        run: (_context, body) => Promise.resolve({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', details: { kind: (body as Binding).target.name } } as unknown as KubeObject),
      },
      upload: {
        type: 'upload',
        kind: 'Pod',
        async run({ name }, body) {
          let size = 0;
          for await (const chunk of body) size += (chunk as Buffer).length;
          return { apiVersion: 'v1', kind: 'Pod', metadata: { name: name ?? '', annotations: { size: String(size) } } };
        },
      },
    },
  }),
  kind<Deployment>({
    type: 'stored',
    resource: deployments,
    defaults(object) {
      object.spec.replicas ??= 1;
    },
    scale: {
      replicas: (object) => object.spec.replicas ?? 0,
      setReplicas: (object, replicas) => void (object.spec.replicas = replicas),
      statusReplicas: (object) => object.status?.replicas ?? 0,
      selector: (object) => formatSelector(selectorOf(object.spec.selector as never) ?? []),
    },
  }),
  kind({ type: 'stored', resource: widgets }),
  kind<Project>({
    type: 'virtual',
    resource: projects,
    get(_context, name) {
      if (name !== 'demo') throw notFound(projects, name);
      return Promise.resolve({ apiVersion: 'project.openshift.io/v1', kind: 'Project', metadata: { name } });
    },
    list: () => Promise.resolve({ apiVersion: 'project.openshift.io/v1', kind: 'ProjectList', metadata: { resourceVersion: '1' }, items: [] }),
  }),
];
