/** Which build config a pod's image comes from: pure. */
import type { BuildConfig } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { applicationOf } from '../explorer/project-content.ts';

/** By the stream that the build writes to, else by the application that both belong to. */
export function configOfPod(pod: Pod, container: string, configs: readonly BuildConfig[]): BuildConfig | undefined {
  const image = pod.spec.containers.find(({ name }) => name === container)?.image ?? '';
  const byOutput = configs.find(({ metadata, spec: { output } }) => {
    const [stream] = output?.to?.name?.split(':') ?? [];
    return stream !== undefined && output?.to?.kind === 'ImageStreamTag' && new RegExp(`/${output.to.namespace ?? metadata.namespace}/${stream}[@:]`).test(image);
  });
  return byOutput ?? configs.find((config) => applicationOf(config) === applicationOf(pod));
}
