import type { ImageStreamImport } from '../../api/kinds/image.ts';
import { importImage as importInto, linesOf } from '../../client/images/import-image.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';
import { importMode, referencePolicy } from './tag.ts';

/** `slipway import-image STREAM[:TAG]`, as `oc import-image`. Exit code 1 if an image could not be imported. */
export async function importImage(args: string[]): Promise<number> {
  const given = parse(args, {
    from: { type: 'string' }, confirm: { type: 'boolean' }, all: { type: 'boolean' }, scheduled: { type: 'boolean' }, insecure: { type: 'boolean' },
    'reference-policy': { type: 'string' }, 'import-mode': { type: 'string' }, 'dry-run': { type: 'boolean' },
  });
  const [target, ...more] = given.positionals;
  if (!target || more.length > 0) throw new UserError('Name an image stream: slipway import-image <stream>[:<tag>] [--from IMAGE] [--confirm]', 2);
  const { connection, namespace } = await connectHome(given);
  try {
    const result = await importInto(connection.client, {
      target, namespace, from: given.text('from'), confirm: given.flag('confirm'), all: given.flag('all'), scheduled: given.flag('scheduled'),
      // Only the flag is known: without it, the stream's own choice holds.
      insecure: given.flag('insecure') || undefined, referencePolicy: referencePolicy(given), importMode: importMode(given), dryRun: given.flag('dry-run'),
    });
    return show(result);
  } finally {
    await connection.dispose();
  }
}

function show(result: ImageStreamImport): number {
  const lines = linesOf(result);
  const failed = lines.filter(({ failure }) => failure !== undefined);
  process.stdout.write(`imagestream ${result.metadata.name} ${result.spec.import ? 'imported' : 'looked up (dry run)'}${failed.length > 0 ? ' with errors' : ''}\n`);
  const width = Math.max(0, ...lines.map(({ tag }) => tag.length));
  for (const { tag, reference, failure } of lines) {
    if (failure === undefined) process.stdout.write(`  ${tag.padEnd(width)}  ${reference}\n`);
    else process.stderr.write(`  ${tag.padEnd(width)}  failed: ${failure}\n`);
  }
  const others = result.status.repository?.additionalTags ?? [];
  if (others.length > 0) process.stdout.write(`The repository has ${others.length} more tags, which were not imported: ${others.join(', ')}\n`);
  return failed.length > 0 ? 1 : 0;
}
