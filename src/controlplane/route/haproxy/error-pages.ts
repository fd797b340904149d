/** Our pages as HAProxy takes them: whole responses. */
import { pageHeaders, pageOf } from '../data-plane/pages.ts';
import { STATUS_CODES } from 'node:http';
import { errorStatuses } from './config.ts';

export function errorPages(): [status: number, response: Buffer][] {
  return errorStatuses.map((status) => {
    const page = pageOf(status);
    const head = [`HTTP/1.0 ${status} ${STATUS_CODES[status]}`, ...Object.entries(pageHeaders(page)).map(([name, value]) => `${name}: ${value}`), 'Connection: close', '', ''].join('\r\n');
    return [status, Buffer.concat([Buffer.from(head), page.body])];
  });
}
