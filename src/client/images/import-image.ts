/** Imports images of other registries into image streams, as `oc import-image` does. */
import { imageAnnotations, imageStreamImports, imageStreams, type ImageImportSpec, type ImageStream, type ImageStreamImport, type TagImportPolicy, type TagReference } from '../../api/kinds/image.ts';
import { splitTagName } from '../../api/image-tags.ts';
import type { Client } from '../client.ts';
import { ifFound } from '../if-found.ts';
import { readImageName } from './image-name.ts';

export interface ImportOptions {
  /** `<stream>` or `<stream>:<tag>`; without a tag, `latest`. */
  target: string;
  namespace: string;
  /** Where the image is, if the stream does not say so yet. */
  from?: string | undefined;
  /** A stream that is missing may be made, and its source changed. */
  confirm?: boolean;
  /** Every tag of the stream, or of the repository `from`. */
  all?: boolean;
  scheduled?: boolean;
  /** Undefined: as the stream has it. */
  insecure?: boolean | undefined;
  referencePolicy?: 'Source' | 'Local' | undefined;
  importMode?: 'Legacy' | 'PreserveOriginal' | undefined;
  /** Only look, change nothing. */
  dryRun?: boolean;
}

/** What was asked for makes no sense; nothing was written. */
export class ImportRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImportRefused';
  }
}

export async function importImage(client: Client, options: ImportOptions): Promise<ImageStreamImport> {
  const { namespace } = options;
  const { name } = targetOf(options);
  const stream = await ifFound(client.get(imageStreams, { namespace, name }));
  return client.create(imageStreamImports, planImport(stream, options), { namespace });
}

/** One line for each image: what became of it. */
export interface ImportLine {
  tag: string;
  /** Pull specification of what was found. */
  reference?: string;
  failure?: string;
}

export function linesOf({ spec, status }: ImageStreamImport): ImportLine[] {
  const images = (status.images ?? []).map((result, index) => ({ result, tag: spec.images?.[index]?.to?.name ?? result.tag ?? '' }));
  const whole = (status.repository?.images ?? []).map((result) => ({ result, tag: result.tag ?? '' }));
  const lines = [...whole, ...images].map(({ result, tag }) => ({
    tag,
    ...(result.image ? { reference: result.image.dockerImageReference ?? '' } : { failure: result.status.message ?? result.status.reason ?? 'unknown error prevented import' }),
  }));
  const { repository } = status;
  return repository?.status.status === 'Failure' && !repository.images ? [{ tag: '*', failure: repository.status.message ?? '' }, ...lines] : lines;
}

function targetOf({ target, all }: Pick<ImportOptions, 'target' | 'all'>): { name: string; tag: string | undefined } {
  const { name, tag, digest } = readImageName(target);
  if (digest) throw new ImportRefused('To import images by digest, tag them: slipway tag --source=docker <image>@<digest> <stream>:<tag>');
  if (tag && all) throw new ImportRefused(`A tag ("${target}") does not go with --all.`);
  return { name, tag: all ? undefined : tag || 'latest' };
}

/** The import to post. Throws `ImportRefused`. */
export function planImport(stream: ImageStream | undefined, options: ImportOptions): ImageStreamImport {
  const { name, tag } = targetOf(options);
  if (!stream && !options.confirm) throw new ImportRefused(`There is no image stream "${name}" in project "${options.namespace}"; add --confirm to make it and import.`);
  const spec = tag === undefined ? wholeOf(stream, options) : { images: [imageOf(stream, options, tag)] };
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStreamImport',
    metadata: { name, namespace: options.namespace },
    spec: { import: !options.dryRun, ...spec },
    status: {},
  };
}

function wholeOf(stream: ImageStream | undefined, options: ImportOptions): Pick<ImageStreamImport['spec'], 'images' | 'repository'> {
  const own = stream?.spec.dockerImageRepository;
  const from = options.from ?? own ?? (stream ? undefined : options.target);
  if (from === undefined) {
    const images = (stream?.spec.tags ?? []).filter(isExternal).map((tag) => specFor(stream, options, tag.name, tag.from?.name ?? ''));
    if (images.length === 0) throw new ImportRefused('The image stream has no tags that point to images of other registries.');
    return { images };
  }
  if (stream && from !== own && !options.confirm) throw new ImportRefused(own ? `The image stream imports "${own}"; add --confirm to import "${from}".` : 'The image stream does not import a whole repository; add --confirm to do so.');
  return { repository: { from: { kind: 'DockerImage', name: from }, importPolicy: policyFor(stream, options, undefined), ...referencePolicyOf(options) } };
}

function imageOf(stream: ImageStream | undefined, options: ImportOptions, asked: string): ImageImportSpec {
  if (!stream) return specFor(stream, options, asked, options.from ?? options.target);
  const { tag, name } = follow(stream, asked);
  if (!tag) {
    const from = options.from ?? (asked === 'latest' ? stream.spec.dockerImageRepository : undefined);
    if (!from) throw new ImportRefused(`Tag "${asked}" does not exist on the image stream; name its source with --from.`);
    return specFor(stream, options, asked, from);
  }
  if (tag.from && tag.from.kind !== 'DockerImage') throw new ImportRefused(`Tag "${asked}" points to ${tag.from.kind} "${tag.from.name}", which cannot be imported again.`);
  const known = tag.from?.name;
  if (!known) throw new ImportRefused(`Tag "${asked}" has no source; set one: slipway tag <image> ${stream.metadata.name}:${asked}`);
  if (options.from && options.from !== known) throw new ImportRefused(`Tag "${name}" points to "${known}"; change its source with: slipway tag ${options.from} ${stream.metadata.name}:${name}`);
  return specFor(stream, options, name, known);
}

const isExternal = ({ from, reference }: TagReference) => from?.kind === 'DockerImage' && Boolean(from.name) && !reference;

/** The tag that an alias stands for in the end. */
function follow(stream: ImageStream, asked: string): { tag: TagReference | undefined; name: string } {
  const seen = new Set<string>();
  for (let name = asked; ; ) {
    const tag = stream.spec.tags?.find((one) => one.name === name);
    if (tag?.from?.kind !== 'ImageStreamTag') return { tag, name };
    if (seen.has(name)) throw new ImportRefused(`Tag "${asked}" of the image stream points to itself.`);
    seen.add(name);
    const source = (tag.from.name ?? '').includes(':') ? splitTagName(tag.from.name ?? '') : { stream: stream.metadata.name, tag: tag.from.name ?? '' };
    const elsewhere = source?.stream !== stream.metadata.name || (tag.from.namespace && tag.from.namespace !== stream.metadata.namespace);
    if (!source || elsewhere) throw new ImportRefused(`Tag "${asked}" points to a tag of another image stream, "${tag.from.name}"; import that one.`);
    name = source.tag;
  }
}

function specFor(stream: ImageStream | undefined, options: ImportOptions, to: string, from: string): ImageImportSpec {
  return { from: { kind: 'DockerImage', name: from }, to: { name: to }, importPolicy: policyFor(stream, options, to), ...referencePolicyOf(options) };
}

/** What the tag has already stays, unless it is said anew. */
function policyFor(stream: ImageStream | undefined, { insecure, scheduled, importMode }: ImportOptions, tag: string | undefined): TagImportPolicy {
  const before = stream?.spec.tags?.find(({ name }) => name === tag)?.importPolicy;
  const unsafe = insecure ?? (before?.insecure || stream?.metadata.annotations?.[imageAnnotations.insecureRepository] === 'true');
  const mode = importMode ?? before?.importMode;
  return { ...(unsafe && { insecure: true }), ...((scheduled || before?.scheduled) && { scheduled: true }), ...(mode && { importMode: mode }) };
}

const referencePolicyOf = ({ referencePolicy }: ImportOptions) => (referencePolicy ? { referencePolicy: { type: referencePolicy } } : {});
