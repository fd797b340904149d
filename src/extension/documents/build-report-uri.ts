/** Addresses of build reports: `slipway-build:/<cluster>/<project>/<build>.log`; the query names the build it is compared with. */
import type { UriParts } from './object-uri.ts';

export const buildReportScheme = 'slipway-build';

export interface BuildReportAddress {
  cluster: string;
  namespace: string;
  name: string;
  against: string | undefined;
}

export function buildReportUri(cluster: string, namespace: string, name: string, against?: string): UriParts & { query?: string } {
  return { scheme: buildReportScheme, path: `/${[cluster, namespace, `${name}.log`].map(escape).join('/')}`, ...(against && { query: against }) };
}

export function parseBuildReportUri({ path, query }: { path: string; query?: string }): BuildReportAddress | undefined {
  const [cluster, namespace, file, ...more] = path.slice(1).split('/').map((part) => part.replaceAll('%2F', '/').replaceAll('%25', '%'));
  if (!cluster || !namespace || !file?.endsWith('.log') || more.length > 0) return undefined;
  return { cluster, namespace, name: file.slice(0, -'.log'.length), against: query || undefined };
}

/** Names of contexts may hold slashes. */
function escape(part: string): string {
  return part.replaceAll('%', '%25').replaceAll('/', '%2F');
}
