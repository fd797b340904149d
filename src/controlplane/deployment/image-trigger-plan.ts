/** Images that follow tags of image streams: into deployment configs by their triggers, into deployments by annotation. Pure. */
import type { Deployment } from '../../api/kinds/apps.ts';
import type { PodTemplateSpec } from '../../api/kinds/core.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { ImageStream } from '../../api/kinds/image.ts';
import { copyJson, equalJson } from '../../api/json.ts';

/** Finds the stream of a project, if it exists. */
export type FindStream = (namespace: string, name: string) => ImageStream | undefined;

export interface ResolveOptions {
  /** Also triggers that are not automatic: a person asked for the newest images. */
  force?: boolean;
  exclude?: readonly string[];
}

/** `web:latest` → `web`, `latest`. */
export function splitTag(name: string): { stream: string; tag: string } {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? { stream: name, tag: 'latest' } : { stream: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** Pull specification of the newest image under a tag. */
function imageOfTag(find: FindStream, namespace: string, name: string): string | undefined {
  const { stream, tag } = splitTag(name);
  return find(namespace, stream)?.status?.tags?.find((one) => one.tag === tag)?.items?.[0]?.dockerImageReference;
}

/** Streams a config waits for, as `namespace/name`: an index for changes of streams. */
export function streamsOfConfig(config: DeploymentConfig): string[] {
  return (config.spec.triggers ?? []).flatMap(({ imageChangeParams }) => {
    const from = imageChangeParams?.from;
    return from?.kind === 'ImageStreamTag' && from.name ? [`${from.namespace ?? config.metadata.namespace}/${splitTag(from.name).stream}`] : [];
  });
}

/** The config with every resolved image in its template; undefined if nothing changes. */
export function resolveConfig(config: DeploymentConfig, find: FindStream, { force = false, exclude = [] }: ResolveOptions = {}): DeploymentConfig | undefined {
  const copy = copyJson(config);
  for (const { type, imageChangeParams: parameters } of copy.spec.triggers ?? []) {
    if (type !== 'ImageChange' || !parameters || parameters.from.kind !== 'ImageStreamTag' || !parameters.from.name) continue;
    if (exclude.includes('ImageChange') || (!parameters.automatic && !force)) continue;
    const image = imageOfTag(find, parameters.from.namespace ?? config.metadata.namespace ?? '', parameters.from.name);
    if (!image) continue;
    parameters.lastTriggeredImage = image;
    setImages(copy.spec.template, image, (name) => parameters.containerNames?.includes(name) ?? false);
  }
  return equalJson(copy.spec, config.spec) ? undefined : copy;
}

function setImages(template: PodTemplateSpec | undefined, image: string, wanted: (container: string) => boolean): void {
  for (const container of [...(template?.spec?.containers ?? []), ...(template?.spec?.initContainers ?? [])]) if (wanted(container.name)) container.image = image;
}

const triggersAnnotation = 'image.openshift.io/triggers';

interface AnnotationTrigger {
  from?: { kind?: string; name?: string; namespace?: string };
  fieldPath?: string;
  paused?: boolean | string;
}

export function annotationTriggers(deployment: Deployment): AnnotationTrigger[] {
  const text = deployment.metadata.annotations?.[triggersAnnotation];
  if (!text) return [];
  try {
    const list = JSON.parse(text) as unknown;
    return Array.isArray(list) ? (list as AnnotationTrigger[]) : [];
  } catch {
    return [];
  }
}

export function streamsOfDeployment(deployment: Deployment): string[] {
  return annotationTriggers(deployment).flatMap(({ from }) => (from?.kind === 'ImageStreamTag' && from.name ? [`${from.namespace ?? deployment.metadata.namespace}/${splitTag(from.name).stream}`] : []));
}

/** `spec.template.spec.containers[?(@.name=="web")].image`, `spec.template.spec.initContainers[0].image`. */
const fieldPath = /^spec\.template\.spec\.(containers|initContainers)\[(?:(\d+)|\?\(@\.name==["']([^"']+)["']\))\]\.image$/;

export function resolveDeployment(deployment: Deployment, find: FindStream): Deployment | undefined {
  const copy = copyJson(deployment);
  for (const { from, fieldPath: path, paused } of annotationTriggers(deployment)) {
    if (paused === true || paused === 'true' || from?.kind !== 'ImageStreamTag' || !from.name) continue;
    const match = fieldPath.exec(path ?? '');
    const image = imageOfTag(find, from.namespace ?? deployment.metadata.namespace ?? '', from.name);
    if (!match || !image) continue;
    const list = copy.spec.template.spec?.[match[1] as 'containers' | 'initContainers'] ?? [];
    const container = match[2] === undefined ? list.find(({ name }) => name === match[3]) : list[Number(match[2])];
    if (container) container.image = image;
  }
  return equalJson(copy.spec, deployment.spec) ? undefined : copy;
}
