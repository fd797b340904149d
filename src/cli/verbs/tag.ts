import { tagImage, untag, type TagOptions } from '../../client/images/tag-image.ts';
import { parse, type Arguments } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** `slipway tag SOURCE DEST…` and `slipway tag -d TAG…`, as `oc tag`. */
export async function tag(args: string[]): Promise<number> {
  const given = parse(args, {
    delete: { type: 'boolean', short: 'd' }, source: { type: 'string' }, alias: { type: 'boolean' }, reference: { type: 'boolean' },
    scheduled: { type: 'boolean' }, insecure: { type: 'boolean' }, 'reference-policy': { type: 'string' }, 'import-mode': { type: 'string' },
  });
  const [source, ...destinations] = given.positionals;
  if (given.flag('delete')) checkDelete(given);
  else if (!source || destinations.length === 0) throw new UserError('Name a source and one destination or more: slipway tag <image | stream:tag | stream@digest> <stream:tag>…, or tags to delete: slipway tag -d <stream:tag>…', 2);
  const { connection, namespace } = await connectHome(given);
  try {
    const lines = given.flag('delete') ? await untag(connection.client, given.positionals, namespace) : await tagImage(connection.client, { source: source ?? '', destinations, namespace, ...choices(given) });
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    return 0;
  } finally {
    await connection.dispose();
  }
}

function checkDelete(given: Arguments): void {
  if (given.positionals.length === 0) throw new UserError('Name the tags to delete: slipway tag -d <stream:tag>…', 2);
  const other = ['alias', 'reference', 'scheduled', 'insecure'].find((name) => given.flag(name)) ?? ['source', 'reference-policy', 'import-mode'].find((name) => given.text(name) !== undefined);
  if (other) throw new UserError(`--${other} does not go with --delete.`, 2);
}

const sourceKinds: Record<string, TagOptions['sourceKind']> = { imagestreamtag: 'ImageStreamTag', istag: 'ImageStreamTag', imagestreamimage: 'ImageStreamImage', isimage: 'ImageStreamImage', docker: 'DockerImage', dockerimage: 'DockerImage' };

function choices(given: Arguments): Omit<TagOptions, 'source' | 'destinations' | 'namespace'> {
  const asked = given.text('source')?.toLowerCase();
  const sourceKind = asked === undefined ? undefined : sourceKinds[asked];
  if (asked !== undefined && !sourceKind) throw new UserError(`--source knows ${Object.keys(sourceKinds).join(', ')}, not "${asked}".`, 2);
  return {
    sourceKind, alias: given.flag('alias'), reference: given.flag('reference'), scheduled: given.flag('scheduled'), insecure: given.flag('insecure'),
    local: referencePolicy(given) === 'Local', importMode: importMode(given),
  };
}

export function referencePolicy(given: Arguments): 'Source' | 'Local' | undefined {
  const asked = given.text('reference-policy')?.toLowerCase();
  if (asked === undefined) return undefined;
  if (asked !== 'source' && asked !== 'local') throw new UserError(`--reference-policy is source or local, not "${asked}".`, 2);
  return asked === 'local' ? 'Local' : 'Source';
}

export function importMode(given: Arguments): 'Legacy' | 'PreserveOriginal' | undefined {
  const asked = given.text('import-mode');
  if (asked !== undefined && asked !== 'Legacy' && asked !== 'PreserveOriginal') throw new UserError(`--import-mode is Legacy or PreserveOriginal, not "${asked}".`, 2);
  return asked;
}
