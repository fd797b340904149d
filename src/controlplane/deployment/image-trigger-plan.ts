/** Images of deployment configs that follow tags of image streams by their ImageChange triggers. Pure. */
import { latestPullSpec } from '../../api/image-tags.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import type { PodTemplateSpec } from '../../api/kinds/core.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { ImageStream } from '../../api/kinds/image.ts';

/** Finds the stream of a project, if it exists. */
export type FindStream = (namespace: string, name: string) => ImageStream | undefined;

export interface ResolveOptions {
  /** Also triggers that are not automatic: a person asked for the newest images. */
  force?: boolean;
  exclude?: readonly string[];
  /** Nothing changes before every trigger has an image, and a tag that is gone leaves the image it gave last: how the controller acts by itself. */
  together?: boolean;
}

/** `web:latest` → `web`, `latest`. */
export function splitTag(name: string): { stream: string; tag: string } {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? { stream: name, tag: 'latest' } : { stream: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** Pull specification of the newest image under a tag, by the tag's reference policy. */
export function imageOfTag(find: FindStream, namespace: string, name: string): string | undefined {
  const { stream: streamName, tag } = splitTag(name);
  const stream = find(namespace, streamName);
  return stream && latestPullSpec(stream, tag);
}

/** Streams a config waits for, as `namespace/name`: an index for changes of streams. */
export function streamsOfConfig(config: DeploymentConfig): string[] {
  return (config.spec.triggers ?? []).flatMap(({ imageChangeParams }) => {
    const from = imageChangeParams?.from;
    return from?.kind === 'ImageStreamTag' && from.name ? [`${from.namespace || config.metadata.namespace}/${splitTag(from.name).stream}`] : [];
  });
}

/** The config with every resolved image in its template; undefined if nothing changes. */
export function resolveConfig(config: DeploymentConfig, find: FindStream, { force = false, exclude = [], together = false }: ResolveOptions = {}): DeploymentConfig | undefined {
  const copy = copyJson(config);
  for (const { type, imageChangeParams: parameters } of copy.spec.triggers ?? []) {
    if (type !== 'ImageChange' || !parameters || parameters.from.kind !== 'ImageStreamTag' || !parameters.from.name) continue;
    if (exclude.includes('ImageChange') || (!parameters.automatic && !force)) continue;
    const newest = imageOfTag(find, parameters.from.namespace || (config.metadata.namespace ?? ''), parameters.from.name);
    const image = newest ?? (together ? parameters.lastTriggeredImage : undefined);
    if (!image && together) return undefined;
    if (!image) continue;
    parameters.lastTriggeredImage = image;
    setImages(copy.spec.template, image, (name) => parameters.containerNames?.includes(name) ?? false);
  }
  return equalJson(copy.spec, config.spec) ? undefined : copy;
}

function setImages(template: PodTemplateSpec | undefined, image: string, wanted: (container: string) => boolean): void {
  for (const container of [...(template?.spec?.containers ?? []), ...(template?.spec?.initContainers ?? [])]) if (wanted(container.name)) container.image = image;
}
