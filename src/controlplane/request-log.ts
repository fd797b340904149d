import type { RequestSink } from './kernel/apiserver/http/request-log.ts';
import { openLogFile } from './kernel/boot/log-file.ts';

/** Every HTTP request as a JSON line in a file, if one is named: for whoever wants to know who asks what. */
export function requestLog(file: string | undefined): RequestSink | undefined {
  if (!file) return undefined;
  const lines = openLogFile(file);
  return (entry) => lines.write(JSON.stringify(entry));
}
