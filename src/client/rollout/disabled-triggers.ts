import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';

/** Tags (`stream:tag`) that the config no longer follows by itself. */
export function disabledTriggers({ spec }: DeploymentConfig): string[] {
  return (spec.triggers ?? []).flatMap(({ imageChangeParams }) => (imageChangeParams && !imageChangeParams.automatic ? [imageChangeParams.from.name ?? ''] : []));
}
