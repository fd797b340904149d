/** Which form of an answer a client wants, from its Accept header. */
export type Representation = 'json' | 'yaml' | 'table' | 'partial';

export interface Negotiated {
  readonly as: Representation;
  /** `v1` or `v1beta1` of meta.k8s.io, for tables and partial objects. */
  readonly metaVersion: string;
}

/** Aggregated discovery, and only the version that we serve: see `asksFor`. */
export const aggregatedDiscovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

interface Media {
  type: string;
  parameters: Record<string, string>;
  quality: number;
}

const parsed = new Map<string, Media[]>();

function mediaOf(accept: string): Media[] {
  const known = parsed.get(accept);
  if (known) return known;
  const list = accept
    .split(',')
    .map((part): Media => {
      const [type = '', ...rest] = part.split(';').map((one) => one.trim());
      const parameters = Object.fromEntries(rest.map((one) => {
        const equals = one.indexOf('=');
        return equals < 0 ? [one, ''] : [one.slice(0, equals), one.slice(equals + 1)];
      }));
      const quality = parameters.q === undefined ? 1 : Number(parameters.q);
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    })
    .filter((one) => one.quality > 0)
    .sort((a, b) => b.quality - a.quality);
  // Clients send few distinct headers; past the bound the memory is simply started anew.
  if (parsed.size >= 256) parsed.clear();
  parsed.set(accept, list);
  return list;
}

const plain: Negotiated = { as: 'json', metaVersion: 'v1' };

/** The first form in the client's order that we can give; undefined if there is none. */
export function negotiate(accept: string | undefined): Negotiated | undefined {
  if (!accept || accept === '*/*' || accept === 'application/json') return plain;
  for (const { type, parameters } of mediaOf(accept)) {
    const { as, v } = parameters;
    if (as !== undefined) {
      if (parameters.g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1') || (type !== 'application/json' && type !== '*/*')) continue;
      if (as === 'Table') return { as: 'table', metaVersion: v };
      if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'partial', metaVersion: v };
      continue;
    }
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return plain;
    if (type === 'application/yaml') return { as: 'yaml', metaVersion: 'v1' };
  }
  return undefined;
}

/**
 * True if the client reads aggregated discovery v2 and wants it before plain JSON. Answering v2 to one that only knows v2beta1
 * makes every type vanish for it.
 */
export function wantsAggregated(accept: string | undefined): boolean {
  if (!accept?.includes('APIGroupDiscoveryList')) return false;
  for (const { type, parameters } of mediaOf(accept)) {
    if (type !== 'application/json') continue;
    if (parameters.as === undefined) return false;
    if (parameters.as === 'APIGroupDiscoveryList' && parameters.g === 'apidiscovery.k8s.io' && parameters.v === 'v2') return true;
  }
  return false;
}

/** True if gzip is acceptable. */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  return acceptEncoding !== undefined && /(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test(acceptEncoding);
}
