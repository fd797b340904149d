/** An object in words for reading, laid out as `kubectl describe` does: pure. */
import { stringify } from 'yaml';
import { ageOf } from '../../api/age.ts';
import type { Container, ContainerStatus, Event, Pod } from '../../api/kinds/core.ts';
import type { Condition, KubeObject } from '../../api/meta.ts';

const width = 16;
/** Longer values (encoded configurations, certificates) say nothing in a list. */
const longest = 120;

export function describe(object: KubeObject, found: readonly Event[], now: Date): string {
  const { spec, status } = object as KubeObject & { spec?: unknown; status?: { conditions?: Condition[] } };
  const blocks = [facts(object, now)];
  if (object.kind === 'Pod') blocks.push(...podBlocks(object as Pod, now));
  if (status?.conditions?.length) blocks.push(`Conditions:\n${table([['Type', 'Status', 'Reason', 'Message'], ...status.conditions.map((one) => [one.type, one.status, one.reason ?? '', one.message ?? ''])])}`);
  if (object.kind !== 'Pod') {
    if (spec) blocks.push(`Spec:\n${indent(stringify(spec, { lineWidth: 0 }))}`);
    const rest = Object.entries(status ?? {}).filter(([key]) => key !== 'conditions');
    if (rest.length > 0) blocks.push(`Status:\n${indent(stringify(Object.fromEntries(rest), { lineWidth: 0 }))}`);
  }
  blocks.push(eventsOf(found, now));
  return `${blocks.join('\n\n')}\n`;
}

function facts({ kind, metadata }: KubeObject, now: Date): string {
  return rows([
    ['Name', metadata.name], ['Namespace', metadata.namespace], ['Kind', kind],
    ['Created', metadata.creationTimestamp && `${metadata.creationTimestamp} (${ageOf(metadata.creationTimestamp, now)})`],
    ['Labels', pairs(metadata.labels)], ['Annotations', pairs(metadata.annotations)], ['Controlled By', metadata.ownerReferences?.filter((one) => one.controller).map((one) => `${one.kind}/${one.name}`).join(', ')],
  ]);
}

function podBlocks(pod: Pod, now: Date): string[] {
  const { spec, status } = pod;
  const section = (title: string, containers: readonly Container[] | undefined, statuses: readonly ContainerStatus[] | undefined) =>
    containers?.length ? [`${title}:\n${containers.map((one) => container(one, statuses?.find(({ name }) => name === one.name), now)).join('\n')}`] : [];
  const volumes = (spec.volumes ?? []).map(({ name, ...source }) => `  ${name.padEnd(width)} ${Object.keys(source).join(', ')}`);
  return [
    rows([
      ['Status', status?.phase], ['Reason', status?.reason], ['Message', status?.message], ['Node', spec.nodeName && `${spec.nodeName}${status?.hostIP ? `/${status.hostIP}` : ''}`], ['IP', status?.podIP],
      ['Start Time', status?.startTime], ['Service Account', spec.serviceAccountName], ['QoS Class', status?.qosClass],
    ]),
    ...section('Init Containers', spec.initContainers, status?.initContainerStatuses),
    ...section('Containers', spec.containers, status?.containerStatuses),
    ...(volumes.length > 0 ? [`Volumes:\n${volumes.join('\n')}`] : []),
  ];
}

function container(one: Container, status: ContainerStatus | undefined, now: Date): string {
  const resources = (of: Record<string, unknown> | undefined) => Object.entries(of ?? {}).map(([key, value]) => `${key}=${String(value)}`).join(', ');
  return `  ${one.name}:\n${indent(indent(rows([
    ['Image', one.image], ['Image ID', status?.imageID], ['Container ID', status?.containerID], ['Ports', one.ports?.map((port) => `${port.containerPort}/${port.protocol ?? 'TCP'}`).join(', ')],
    ['Command', one.command?.join(' ')], ['Args', one.args?.join(' ')], ['State', stateOf(status?.state, now)], ['Last State', stateOf(status?.lastState, now)],
    ['Ready', status && String(status.ready)], ['Restart Count', status && String(status.restartCount)], ['Requests', resources(one.resources?.requests)], ['Limits', resources(one.resources?.limits)],
    ['Environment', one.env?.map(variable).join('\n')], ['Mounts', one.volumeMounts?.map((mount) => `${mount.mountPath} from ${mount.name}${mount.readOnly ? ' (ro)' : ''}`).join('\n')],
  ])))}`;
}

/** A value that comes from elsewhere is named, not shown. */
function variable({ name, value, valueFrom }: { name: string; value?: string; valueFrom?: object }): string {
  const [from] = Object.entries(valueFrom ?? {}) as [string, { name?: string; key?: string; fieldPath?: string; resource?: string }][];
  return from ? `${name}: from ${from[0].replace(/(KeyRef|Ref)$/, '')} ${[from[1].name, from[1].key, from[1].fieldPath, from[1].resource].filter(Boolean).join('/')}` : `${name}: ${short(value ?? '')}`;
}

function stateOf(state: ContainerStatus['state'], now: Date): string | undefined {
  if (state?.running) return `Running, for ${ageOf(state.running.startedAt, now)}`;
  if (state?.waiting) return [`Waiting, ${state.waiting.reason ?? ''}`, state.waiting.message].filter(Boolean).join(': ');
  if (state?.terminated) return [`Terminated, ${state.terminated.reason ?? ''}, exit code ${state.terminated.exitCode}`, state.terminated.message].filter(Boolean).join(': ');
  return undefined;
}

function eventsOf(found: readonly Event[], now: Date): string {
  const time = (one: Event) => one.lastTimestamp ?? one.eventTime ?? one.metadata.creationTimestamp ?? '';
  const lines = [...found].sort((a, b) => time(a).localeCompare(time(b))).map((one) => [one.type ?? '', one.reason ?? '', ageOf(time(one), now), String(one.count ?? one.series?.count ?? 1), one.source?.component ?? one.reportingComponent ?? '', one.message ?? '']);
  return lines.length > 0 ? `Events:\n${table([['Type', 'Reason', 'Age', 'Count', 'From', 'Message'], ...lines])}` : 'Events: <none>';
}

function rows(facts: readonly (readonly [string, string | undefined | null])[]): string {
  return facts.filter(([, value]) => value).map(([key, value]) => `${`${key}:`.padEnd(width)} ${(value ?? '').replaceAll('\n', `\n${' '.repeat(width + 1)}`)}`).join('\n');
}

function pairs(values: Record<string, string> | undefined): string {
  return Object.entries(values ?? {}).map(([key, value]) => `${key}=${short(value)}`).join('\n');
}

function short(value: string): string {
  const line = value.replaceAll('\n', '⏎');
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

function table(lines: string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => `  ${line.map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2))).join('')}`.trimEnd()).join('\n');
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ');
}
