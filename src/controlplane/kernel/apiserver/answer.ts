/** What a verb hands back; encoded for HTTP by encode.ts, unwrapped as it is for in-process callers. */
import type { Readable } from 'node:stream';
import type { KubeList, KubeObject, ListMeta } from '../../../api/meta.ts';
import type { Status } from '../../../api/status.ts';
import type { Entry } from '../store/store.ts';
import type { Served } from './kind-table.ts';
import type { WatchPlan } from './watch/watch-plan.ts';

export type Answer =
  /** A stored object with its bytes. */
  | { type: 'entry'; code: number; served: Served; entry: Entry }
  /** Any other object of the API. */
  | { type: 'object'; code: number; served: Served; object: KubeObject | Status }
  /** A page of stored objects. */
  | { type: 'page'; served: Served; entries: readonly Entry[]; metadata: ListMeta }
  /** A list of objects that are not stored as they are shown. */
  | { type: 'list'; served: Served; list: KubeList }
  | { type: 'watch'; plan: WatchPlan }
  /** Text that may follow for long. */
  | { type: 'text'; readable: Readable }
  /** A document that is no API object: discovery, OpenAPI, health. */
  | { type: 'document'; code: number; contentType: string; body: Buffer | string; headers?: Record<string, string> };

export function plainText(code: number, body: string): Answer {
  return { type: 'document', code, contentType: 'text/plain; charset=utf-8', body, headers: { 'X-Content-Type-Options': 'nosniff' } };
}

export const pageNotFound = (): Answer => plainText(404, '404 page not found\n');
