/** Index of builds by the build config they came from, shared by both controllers. */
import { buildAnnotations, type Build } from '../../api/kinds/build.ts';

export const ofConfig = 'build.config';

/** `namespace/name` of the config, if there is one. */
export function configKeys({ metadata, status }: Build): string[] {
  const config = metadata.annotations?.[buildAnnotations.buildConfig] ?? status.config?.name;
  return config ? [`${metadata.namespace}/${config}`] : [];
}
