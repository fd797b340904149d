/** Which secrets a build pod gets: those the build names, else those that fit among the project's and the service account's. Pure. */
import { registryHost } from '../../api/kinds/image.ts';
import type { Build } from '../../api/kinds/build.ts';
import type { Secret, ServiceAccount } from '../../api/kinds/core.ts';
import { parseReference } from '../../oci/reference.ts';
import { credentialsFor } from '../../oci/registry-auth.ts';
import type { BuildImages, BuildSecrets } from './build-pod-parts.ts';

/** Annotations of a secret whose values are patterns of the Git repositories it is for (OpenShift docs, "Automatically adding a source clone secret"). */
const matchPrefix = 'build.openshift.io/source-secret-match-uri-';

/** Whether the project's secrets have to be looked at, which takes a moment. */
export function mayFindSecrets({ spec }: Build, { builder, output, inputs }: BuildImages): boolean {
  const outside = (reference: string | undefined) => reference !== undefined && reference !== '' && parseReference(reference).host !== registryHost;
  return (spec.source?.git !== undefined && !spec.source.sourceSecret) || spec.strategy.customStrategy !== undefined || [builder, output, ...inputs].some(outside);
}

export function findSecrets({ spec }: Build, images: BuildImages, secrets: readonly Secret[], account: ServiceAccount | undefined): BuildSecrets {
  const linked = (references: readonly { name?: string }[] | undefined) => (references ?? []).flatMap(({ name }) => secrets.filter((one) => one.metadata.name === name));
  const forPull = linked(account?.imagePullSecrets);
  const { source = {}, strategy, output } = spec;
  const { sourceStrategy, dockerStrategy, customStrategy } = strategy;
  return {
    source: source.sourceSecret?.name ?? (source.git && matchingSecret(source.git.uri, secrets)),
    // A custom builder cannot know the account's token to be good for the internal registry.
    push: output?.pushSecret?.name ?? (images.output && registrySecret(images.output, linked(account?.secrets), customStrategy !== undefined)),
    pull: (sourceStrategy ?? dockerStrategy ?? customStrategy)?.pullSecret?.name ?? (images.builder && registrySecret(images.builder, forPull, false)),
    inputs: (source.images ?? []).map(({ pullSecret }, index) => pullSecret?.name ?? registrySecret(images.inputs[index] ?? '', forPull, false)),
  };
}

/** The first secret with credentials for the registry. To the internal one a build goes by its account's token. */
function registrySecret(reference: string, secrets: readonly Secret[], internalToo: boolean): string | undefined {
  if (reference === '') return undefined;
  const image = parseReference(reference);
  if (image.host === registryHost && !internalToo) return undefined;
  return secrets.find(({ data = {} }) => {
    const text = data['.dockerconfigjson'] ?? data['.dockercfg'] ?? data['config.json'];
    if (text === undefined) return false;
    try {
      return credentialsFor(image, Buffer.from(text, 'base64').toString('utf8')) !== undefined;
    } catch {
      // One that cannot be read is none; who names it is told.
      return false;
    }
  })?.metadata.name;
}

/** The secret with the longest pattern that fits. Keys of ssh are for ssh, passwords for the other schemes. */
export function matchingSecret(uri: string, secrets: readonly Secret[]): string | undefined {
  const target = partsOf(uri);
  if (!target) return undefined;
  const fitting = secrets.flatMap(({ metadata, type }) => {
    if ((type === 'kubernetes.io/ssh-auth' && target.scheme !== 'ssh') || (type === 'kubernetes.io/basic-auth' && target.scheme === 'ssh')) return [];
    const patterns = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(matchPrefix)).map(([, pattern]) => pattern);
    return patterns.filter((pattern) => fits(pattern, target)).map((pattern) => ({ name: metadata.name, length: pattern.length }));
  });
  return fitting.sort((one, other) => other.length - one.length || (one.name < other.name ? -1 : 1))[0]?.name;
}

interface UriParts {
  scheme: string;
  host: string;
  path: string;
}

/** `user@host:path` is git's short form of ssh. */
function partsOf(uri: string): UriParts | undefined {
  const [, scheme, , host, path] = /^([a-z]+):\/\/([^@/]*@)?([^/]+)(\/.*)?$/i.exec(uri) ?? [];
  if (scheme && host) return { scheme: scheme.toLowerCase(), host: host.toLowerCase(), path: path ?? '/' };
  const [, shortHost, shortPath] = /^(?:[^@/\s]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(uri) ?? [];
  return shortHost && shortPath ? { scheme: 'ssh', host: shortHost.toLowerCase(), path: `/${shortPath.replace(/^\//, '')}` } : undefined;
}

/** Longer patterns are refused: none is needed. */
const longestPattern = 1024;

function fits(pattern: string, { scheme, host, path }: UriParts): boolean {
  const [, schemes, hosts = '', paths = ''] = /^(\*|git|https?|ssh):\/\/(\*|(?:\*\.)?[^*/@]+)(\/.*)$/i.exec(pattern.slice(0, longestPattern)) ?? [];
  if (schemes === undefined || pattern.length > longestPattern) return false;
  if (schemes !== '*' && schemes.toLowerCase() !== scheme) return false;
  const wanted = hosts.toLowerCase();
  const sameHost = wanted === '*' || (wanted.startsWith('*.') ? host === wanted.slice(2) || host.endsWith(wanted.slice(1)) : host === wanted);
  return sameHost && covers(paths, path);
}

/** `*` stands for any characters; each piece is taken where it first fits. */
function covers(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
