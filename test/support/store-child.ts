/**
 * A store in a process of its own, that can be traced, filled and killed.
 *
 *   store-child.ts <file>          answers commands line by line: `put <name> <size>`, `get <name>`, `ballast <file> <size>`, `unballast <file>`, `close`
 *   store-child.ts <file> load     writes without end: eight writers, each counting up in its own object; `<writer> <count>` for every acknowledged write
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openSqliteStore } from '../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';

const [file = '', mode] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const object = (name: string, value: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'demo' }, data: { value } });
const key = (name: string) => `core/configmaps/demo/${name}`;
const store = await openSqliteStore({ file });

async function put(name: string, value: string): Promise<void> {
  try {
    const { revision } = await store.put(key(name), object(name, value), store.pending(key(name))?.revision ?? 0);
    say(`ok ${name} ${revision}`);
  } catch (error) {
    say(`failed ${name} ${(error as { code?: string }).code} ${(error as Error).message}`);
  }
}

async function count(writer: number): Promise<void> {
  const name = `writer-${writer}`;
  const before = store.get(key(name))?.object as ReturnType<typeof object> | undefined;
  for (let next = Number(before?.data.value.split(' ')[0] ?? 0) + 1; ; next++) {
    await store.put(key(name), object(name, `${next} ${'x'.repeat(next % 3000)}`), store.pending(key(name))?.revision ?? 0);
    say(`${writer} ${next}`);
  }
}

if (mode === 'load') await Promise.all(Array.from({ length: 8 }, (_, writer) => count(writer)));
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, name = '', size = '0'] = line.split(' ');
  if (verb === 'put') await put(name, 'x'.repeat(Number(size)));
  else if (verb === 'get') say(`${store.get(key(name)) ? 'there' : 'absent'} ${name}`);
  else if (verb === 'ballast') {
    try {
      writeFileSync(name, Buffer.alloc(Number(size)));
    } catch {
      // As much as fits.
    }
    say('ballast');
  } else if (verb === 'unballast') {
    rmSync(name);
    say('unballast');
  } else break;
}
process.stdin.destroy();
await store.dispose();
say('closed');
