/** What HAProxy writes of a request: of those whose routes have not answered yet, and of all while there is an access log. Words between spaces (configuration.txt section 8.2.4). */
import type { AccessEntry } from '../data-plane/access-log.ts';
import { routeKey, serverParts } from './names.ts';

const common = '%b %s %ST %Ts.%ms %Ta %ci %U %B';
export const logFormat = `${common} %HV %HM %[var(txn.host)] %[var(txn.path)]`;
/** Of what is passed through: no status, and a name instead of a host. */
export const tunnelFormat = '%b %s 0 %Ts.%ms %Tt %ci %U %B TLS - %[var(sess.name)] -';

export interface LoggedRequest {
  /** Undefined where no route was found. */
  key: string | undefined;
  /** An endpoint answered. */
  answered: boolean;
  status: number;
  entry: AccessEntry;
}

/** Undefined for any other line. */
export function readLogLine(line: string): LoggedRequest | undefined {
  const words = line.split(' ');
  const [backend = '', server = '', status = '', at = '', milliseconds = '', client = '', bytesIn = '', bytesOut = '', version = '', method = '', host = '', path = ''] = words;
  if (words.length !== 12 || !/^(?:-1|\d+)$/.test(status) || !/^\d+\.\d+$/.test(at)) return undefined;
  const key = routeKey(backend);
  const by = serverParts(server);
  const entry: AccessEntry = {
    time: new Date(Number(at) * 1000).toISOString(), client, protocol: version === 'TLS' ? 'TLS' : version.startsWith('HTTP/2') ? 'HTTP/2' : 'HTTP/1.1',
    ...(version !== 'TLS' && { method, path, status: Math.max(0, Number(status)) }), host, ...(key !== undefined && { route: key }),
    ...(key !== undefined && by && { service: `${key.slice(0, key.indexOf('/'))}/${by.service}`, endpoint: by.address, ...(by.pod !== undefined && { pod: by.pod }) }),
    bytesIn: Number(bytesIn), bytesOut: Number(bytesOut), milliseconds: Math.max(0, Number(milliseconds)),
  };
  return { key, answered: by !== undefined && Number(status) > 0, status: Number(status), entry };
}
