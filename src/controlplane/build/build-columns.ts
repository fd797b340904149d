/** What `oc get builds` and `oc get buildconfigs` show (openshift-apiserver pkg/build/printers). */
import { strategyType, type Build, type BuildConfig, type CommonBuildSpec } from '../../api/kinds/build.ts';
import { agoOf } from '../../api/relative-time.ts';
import { nameColumn } from '../kernel/apiserver/columns.ts';
import type { Column } from '../kernel/apiserver/kind.ts';

const typeCell = (spec: CommonBuildSpec) => strategyType(spec.strategy) ?? '';

export const buildColumns: readonly Column<Build>[] = [
  nameColumn as Column<Build>,
  { name: 'Type', type: 'string', description: 'Type of the build strategy.', cell: ({ spec }) => typeCell(spec) },
  { name: 'From', type: 'string', description: 'Where the source comes from.', cell: ({ spec }) => describeSource(spec) },
  { name: 'Status', type: 'string', description: 'Phase, with the reason if there is one.', cell: ({ status }) => (status.reason ? `${status.phase} (${status.reason})` : status.phase) },
  { name: 'Started', type: 'string', description: 'When the build pod started.', cell: ({ status }, now) => agoOf(status.startTimestamp, now) },
  { name: 'Duration', type: 'string', description: 'Time the build took.', cell: ({ status }) => (status.duration ? goDuration(status.duration) : '') },
];

export const buildConfigColumns: readonly Column<BuildConfig>[] = [
  nameColumn as Column<BuildConfig>,
  { name: 'Type', type: 'string', description: 'Type of the build strategy.', cell: ({ spec }) => typeCell(spec) },
  { name: 'From', type: 'string', description: 'Where the source comes from.', cell: ({ spec }) => describeSource(spec) },
  { name: 'Latest', type: 'string', description: 'Number of the last build.', cell: ({ status }) => String(status?.lastVersion ?? 0) },
];

/** `Git@1a2b3c4`, `Binary`, `Dockerfile,Git@main`. */
export function describeSource({ source = {}, revision }: CommonBuildSpec): string {
  const at = revision?.git?.commit?.slice(0, 7) ?? source.git?.ref;
  const kinds = source.binary ? ['Binary'] : [...(source.dockerfile === undefined ? [] : ['Dockerfile']), ...(source.git ? ['Git'] : [])];
  if (kinds.length === 0) return 'Source';
  return at && kinds.at(-1) !== 'Dockerfile' ? `${kinds.join(',')}@${at}` : kinds.join(',');
}

/** Go's `time.Duration.String` to the millisecond: `850ms`, `1.5s`, `2m3s`, `1h0m5s`. */
export function goDuration(nanoseconds: number): string {
  const milliseconds = Math.round(nanoseconds / 1e6);
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const whole = Math.floor(milliseconds / 1000);
  const rest = (milliseconds % 1000) / 1000;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = `${Number(((whole % 60) + rest).toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
