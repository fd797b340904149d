import { buildConfigs, type Build, type BuildConfig } from '../../../api/kinds/build.ts';
import type { Session } from '../../connections/session.ts';

/** The build config a build came from. */
export function configOf({ client }: Session, build: Build): Promise<BuildConfig> {
  return client.get(buildConfigs, { namespace: build.metadata.namespace, name: build.status.config?.name ?? '' });
}
