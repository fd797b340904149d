/** Which containers run an image of a build config, and what is run in them to take files: pure. */
import type { BuildConfig } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { isPodReady } from '../../api/pod.ts';
import { isRunner } from '../explorer/project-content.ts';

export interface SyncTarget {
  pod: Pod;
  container: string;
}

/** Containers that run an image of the stream the build config puts its images into. */
export function targetsOf(config: BuildConfig, pods: readonly Pod[]): SyncTarget[] {
  const { to } = config.spec.output ?? {};
  if (to?.kind !== 'ImageStreamTag' || !to.name) return [];
  const repository = `/${to.namespace ?? config.metadata.namespace ?? ''}/${to.name.split(':')[0] ?? ''}`;
  const runs = (image: string | undefined) => image !== undefined && (image.includes(`${repository}@`) || image.includes(`${repository}:`));
  return pods.filter((pod) => !isRunner(pod) && pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp)
    .flatMap((pod) => pod.spec.containers.filter(({ image }) => runs(image)).map(({ name }) => ({ pod, container: name })));
}

/** One that begins to run is synced once it is ready; one that was synced may not be ready for the very file that is mended now. */
export function isFresh({ pod }: SyncTarget): boolean {
  return isPodReady(pod);
}

/** What the script ends with, beside 0. */
export const syncCodes = { notInDevelopment: 64, noFolder: 65, notTaken: 66 } as const;

/**
 * Takes `bytes` of a gzip tar from its input into the application's folder and starts the application again: by a hang-up to the supervisor that a run
 * script under DEV_MODE leaves its number of, else by the watcher (nodemon, node --watch) that DEV_MODE means. `live`: nothing needs to be started again.
 */
export function syncCommand(bytes: number, removed: readonly string[], live: boolean): string[] {
  return ['/bin/sh', '-c', script, 'sync', String(bytes), live ? 'live' : 'restart', ...removed];
}

const script = `
bytes=$1 mode=$2; shift 2
cd "\${APP_ROOT:-/opt/app-root}/src" 2>/dev/null || exit ${syncCodes.noFolder}
pid=$(cat "\${TMPDIR:-/tmp}/.slipway-dev.pid" 2>/dev/null)
[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || pid=
[ -n "$pid" ] || [ "$mode" = live ] || [ "$DEV_MODE" = true ] || exit ${syncCodes.notInDevelopment}
[ "$bytes" = 0 ] || head -c "$bytes" | tar -xzf - --no-same-owner || exit ${syncCodes.notTaken}
[ $# = 0 ] || rm -f -- "$@"
[ -z "$pid" ] || kill -HUP "$pid"
`.trim();
