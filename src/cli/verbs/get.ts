import { stringify } from 'yaml';
import { ageOf } from '../../api/age.ts';
import type { KubeList, KubeObject } from '../../api/meta.ts';
import { resourcePath } from '../../api/resource.ts';
import { allResources, findResource } from '../../api/resources.ts';
import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

interface Table {
  kind: 'Table';
  columnDefinitions: { name: string; priority?: number }[];
  rows: { cells: unknown[]; object?: KubeObject }[];
}

export async function get(args: string[]): Promise<number> {
  const given = parse(args, { output: { type: 'string', short: 'o' }, 'all-namespaces': { type: 'boolean', short: 'A' }, selector: { type: 'string', short: 'l' } });
  const [type, name] = given.positionals;
  if (!type) throw new UserError(`Name a kind: slipway get <kind> [NAME]. Kinds: ${allResources.map((one) => one.plural).join(', ')}`, 2);
  const of = findResource(type);
  if (!of) throw new UserError(`There is no kind "${type}". Kinds: ${allResources.map((one) => one.plural).join(', ')}`, 2);
  const output = given.text('output') ?? 'table';
  if (!['table', 'wide', 'json', 'yaml', 'name'].includes(output)) throw new UserError(`-o knows wide, json, yaml and name, not "${output}".`, 2);
  const { connection, namespace } = await connectHome(given);
  try {
    const at = given.flag('all-namespaces') ? {} : { namespace };
    if (output === 'table' || output === 'wide') {
      const table = (await connection.client.raw('GET', `${resourcePath(of, { ...at, name })}?${query(given.text('selector'))}`, undefined, 'application/json;as=Table;v=v1;g=meta.k8s.io')) as Table;
      process.stdout.write(table.rows.length > 0 ? print(table, output === 'wide', given.flag('all-namespaces')) : `No resources found${of.namespaced ? ` in ${namespace} project` : ''}.\n`);
      return 0;
    }
    const found: KubeObject | KubeList = name ? await connection.client.get(of, { ...at, name }) : await connection.client.list(of, { ...at, ...(given.text('selector') && { labelSelector: given.text('selector') ?? '' }) });
    if (output === 'name') for (const one of 'items' in found ? found.items : [found]) process.stdout.write(`${of.singular}${of.group ? `.${of.group}` : ''}/${one.metadata.name}\n`);
    else process.stdout.write(output === 'json' ? `${JSON.stringify(found, undefined, 2)}\n` : stringify(found));
    return 0;
  } finally {
    await connection.dispose();
  }
}

function query(selector: string | undefined): string {
  return selector ? `labelSelector=${encodeURIComponent(selector)}` : '';
}

function print(table: Table, wide: boolean, namespaces: boolean): string {
  const shown = table.columnDefinitions.map((column, index) => ({ index, name: column.name.toUpperCase() })).filter(({ index }) => wide || !table.columnDefinitions[index]?.priority);
  const now = new Date();
  const cells = (row: Table['rows'][number]) => shown.map(({ index, name }) => (name === 'AGE' && /^\d{4}-/.test(String(row.cells[index])) ? ageOf(String(row.cells[index]), now) : String(row.cells[index] ?? '')));
  const rows = [
    [...(namespaces ? ['NAMESPACE'] : []), ...shown.map(({ name }) => name)],
    ...table.rows.map((row) => [...(namespaces ? [row.object?.metadata.namespace ?? ''] : []), ...cells(row)]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3)).join('').trimEnd()}\n`).join('');
}
