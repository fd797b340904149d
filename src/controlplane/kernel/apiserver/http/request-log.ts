/** One line a request, for whoever wants to know who asks what. */
import type { KindTable } from '../kind-table.ts';
import { decode } from '../route.ts';

export interface RequestLogEntry {
  time: string;
  method: string;
  /** With query, but without what follows a subresource whose path is a secret. */
  path: string;
  userAgent: string;
  user: string;
  status: number;
  milliseconds: number;
}

export type RequestSink = (entry: RequestLogEntry) => void;

/** How a path is shown in logs: whatever follows the name of an open subresource is left out, wherever in the path that name stands. */
export function shownPath(kinds: KindTable): (url: string) => string {
  const names = new Set(kinds.all.flatMap(({ subresources }) => [...subresources].flatMap(([name, part]) => (part.type === 'open' ? [name] : []))));
  return (url) => {
    const parts = url.split('/');
    const at = parts.findIndex((part) => names.has(decode(part) ?? ''));
    return at < 0 || at === parts.length - 1 ? url : `${parts.slice(0, at + 1).join('/')}/…`;
  };
}
