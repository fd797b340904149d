/** An object as the YAML that people edit, and back. */
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../api/meta.ts';

/** Without managedFields; the status last, since nobody edits it. */
export function textOf(object: KubeObject): string {
  const { status, ...rest } = object as KubeObject & { status?: unknown };
  const metadata = { ...rest.metadata };
  delete metadata.managedFields;
  return stringify({ ...rest, metadata, ...(status !== undefined && { status }) }, { lineWidth: 0 });
}

/** `undefined` if the text is no object. Throws what is wrong with the YAML. */
export function parseObject(text: string): KubeObject | undefined {
  const object = parse(text) as Partial<KubeObject> | null;
  return object?.apiVersion && object.kind && object.metadata?.name ? (object as KubeObject) : undefined;
}
