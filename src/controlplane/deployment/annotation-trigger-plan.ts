/** Images of any workload that follow tags of image streams by annotation `image.openshift.io/triggers` (library-go image/trigger). Pure. */
import { splitTagName } from '../../api/image-tags.ts';
import { copyJson, equalJson, isObject } from '../../api/json.ts';
import { imageAnnotations } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { templateAt } from '../../api/pod-templates.ts';
import { imageOfTag, type FindStream } from './image-trigger-plan.ts';

interface AnnotationTrigger {
  from: { kind: string; name: string; namespace: string | undefined };
  fieldPath: string;
  paused: boolean;
}

/** The annotation asks for what cannot be: the text says what is wrong with it. Nothing is changed by it then. */
export class InvalidTriggers extends Error {
  constructor(why: string) {
    super(`annotation ${imageAnnotations.triggers} is not used: ${why}`);
    this.name = 'InvalidTriggers';
  }
}

/** Throws `InvalidTriggers`. */
export function triggersOf({ metadata: { annotations } }: KubeObject): AnnotationTrigger[] {
  const text = annotations?.[imageAnnotations.triggers];
  if (!text) return [];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new InvalidTriggers(`it is not JSON (${(error as Error).message})`);
  }
  if (!Array.isArray(list)) throw new InvalidTriggers('it is not a list of triggers');
  const triggers = list.map((one, index) => readTrigger(one, `[${index}]`));
  const twice = triggers.find(({ fieldPath }, index) => triggers.findIndex((one) => one.fieldPath === fieldPath) < index);
  if (twice) throw new InvalidTriggers(`duplicate triggers are not allowed: ${twice.fieldPath}`);
  return triggers;
}

function readTrigger(one: unknown, at: string): AnnotationTrigger {
  if (!isObject(one) || !isObject(one.from)) throw new InvalidTriggers(`${at} has no "from"`);
  const { kind, name, namespace } = one.from;
  if (kind !== 'ImageStreamTag') throw new InvalidTriggers(`${at}.from.kind is ${JSON.stringify(kind)}, only ImageStreamTag can be followed`);
  if (typeof name !== 'string' || !splitTagName(name)) throw new InvalidTriggers(`${at}.from.name is ${JSON.stringify(name)}, it must be <stream>:<tag>`);
  if (namespace !== undefined && typeof namespace !== 'string') throw new InvalidTriggers(`${at}.from.namespace is not a name`);
  if (typeof one.fieldPath !== 'string') throw new InvalidTriggers(`${at} has no "fieldPath"`);
  const { paused = false } = one;
  // Some clients write booleans as text.
  if (![true, false, 'true', 'false'].includes(paused as boolean | string)) throw new InvalidTriggers(`${at}.paused is neither true nor false`);
  return { from: { kind, name, namespace: namespace || undefined }, fieldPath: one.fieldPath, paused: paused === true || paused === 'true' };
}

/** Streams that the object waits for, as `namespace/name`: an index for changes of streams. */
export function streamsOfTriggers(object: KubeObject): string[] {
  try {
    return triggersOf(object).map(({ from }) => `${from.namespace ?? object.metadata.namespace}/${splitTagName(from.name)?.stream}`);
  } catch {
    return [];
  }
}

interface Container {
  name: string;
  image?: string;
}

/** The object with the newest images of the tags it follows, its template at `path`; undefined if nothing changes. Throws `InvalidTriggers`. */
export function applyTriggers<T extends KubeObject>(object: T, path: readonly string[], find: FindStream): T | undefined {
  const triggers = triggersOf(object);
  if (triggers.length === 0) return undefined;
  const copy = copyJson(object);
  const spec = templateAt(copy, path)?.spec as { containers?: Container[]; initContainers?: Container[] } | undefined;
  for (const { from, fieldPath, paused } of triggers) {
    const container = containerAt(spec ?? {}, fieldPath, `${path.join('.')}.spec.`);
    const image = paused ? undefined : imageOfTag(find, from.namespace ?? object.metadata.namespace ?? '', from.name);
    if (image) container.image = image;
  }
  return equalJson(copy, object) ? undefined : copy;
}

/** `containers[0].image`, `initContainers[?(@.name=="web")].image`. */
const containerPath = /^(containers|initContainers)\[(?:(\d+)|\?\(\s*@\.name\s*==\s*(?:"([^"]+)"|'([^']+)')\s*\))\]\.image$/;

function containerAt({ containers = [], initContainers = [] }: { containers?: Container[]; initContainers?: Container[] }, fieldPath: string, base: string): Container {
  const match = fieldPath.startsWith(base) ? containerPath.exec(fieldPath.slice(base.length)) : null;
  if (!match) throw new InvalidTriggers(`field path is not valid: ${fieldPath}; write ${base}containers[?(@.name=="<container>")].image`);
  const list = match[1] === 'initContainers' ? initContainers : containers;
  const name = match[3] ?? match[4];
  const found = match[2] === undefined ? [...list, ...initContainers, ...containers].find((one) => one.name === name) : list[Number(match[2])];
  if (!found) throw new InvalidTriggers(`no such container: ${fieldPath}`);
  return found;
}
