import type { AccessEntry } from '../data-plane/access-log.ts';
import type { Server } from './balance.ts';
import type { Downstream } from './downstream.ts';

/** The line of a request that is over. */
export function logged(client: Downstream, started: number, rest: Partial<AccessEntry>, by?: Server): AccessEntry {
  const query = client.url.indexOf('?');
  return {
    time: new Date(started).toISOString(), client: client.client, protocol: client.http2 ? 'HTTP/2' : 'HTTP/1.1', method: client.method, host: client.host, path: query < 0 ? client.url : client.url.slice(0, query),
    ...rest, ...(by && { service: by.service, endpoint: by.endpoint.address, ...(by.pod !== undefined && { pod: by.pod }) }), milliseconds: Date.now() - started,
  };
}
