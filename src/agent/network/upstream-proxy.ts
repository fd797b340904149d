/** The proxy that this machine itself uses for a host, by the usual variables; pure. */

export interface Upstream {
  host: string;
  port: number;
  authorization?: string;
}

/** Lower case wins, as with curl; only HTTP proxies are understood, others are passed over. */
export function upstreamProxy(environment: NodeJS.ProcessEnv, scheme: 'http' | 'https', host: string): Upstream | undefined {
  const named = (name: string) => environment[name] || environment[name.toUpperCase()];
  const text = named(`${scheme}_proxy`) ?? named('all_proxy');
  if (!text || excluded(named('no_proxy') ?? '', host)) return undefined;
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    return undefined;
  }
  if (url.protocol !== 'http:') return undefined;
  const user = url.username === '' ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80), ...(user && { authorization: `Basic ${Buffer.from(user).toString('base64')}` }) };
}

function excluded(list: string, host: string): boolean {
  return list.split(/[\s,]+/).filter(Boolean).some((entry) => {
    if (entry === '*') return true;
    const suffix = entry.replace(/:\d+$/, '').replace(/^\*?\.?/, '').toLowerCase();
    return host.toLowerCase() === suffix || host.toLowerCase().endsWith(`.${suffix}`);
  });
}
