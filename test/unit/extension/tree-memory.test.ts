import { expect, test } from 'vitest';
import type { TreeNode } from '../../../src/extension/explorer/node.ts';
import { TreeMemory } from '../../../src/extension/explorer/tree-memory.ts';

const node = (id: string, more: Partial<TreeNode> = {}): TreeNode => ({ id, label: id, icon: 'vm', contextValue: 'pod', ...more });

/** A tree as a source would give it at one moment: parent id to children. */
type Moment = Record<string, TreeNode[]>;
const reader = (moment: Moment) => (parent: TreeNode | undefined) => Promise.resolve(moment[parent?.id ?? ''] ?? []);

async function opened(moment: Moment): Promise<{ memory: TreeMemory; given: Map<string, TreeNode> }> {
  const memory = new TreeMemory();
  const given = new Map<string, TreeNode>();
  const open = async (parent: TreeNode | undefined): Promise<void> => {
    if (parent && !moment[parent.id]) return;
    for (const child of memory.keep(parent, await reader(moment)(parent))) {
      given.set(child.id, child);
      await open(child);
    }
  };
  await open(undefined);
  return { memory, given };
}

test('a node whose row changed is drawn again, as the same object', async () => {
  const { memory, given } = await opened({ '': [node('app')], app: [node('pod', { description: '0/1' })] });
  const changed = await memory.update(reader({ '': [node('app')], app: [node('pod', { description: '1/1' })] }));
  expect(changed).toEqual([given.get('pod')]);
  expect(changed[0]).toBe(given.get('pod'));
  expect(given.get('pod')?.description).toBe('1/1');
});

test('what no row shows is taken over without drawing', async () => {
  const { memory, given } = await opened({ '': [node('pod', { url: 'http://a', namespace: 'x' })] });
  expect(await memory.update(reader({ '': [node('pod', { url: 'http://b' })] }))).toEqual([]);
  expect(given.get('pod')).toEqual(node('pod', { url: 'http://b' }));
});

test('other children: their parent is drawn again, nothing beside it', async () => {
  const { memory, given } = await opened({ '': [node('a'), node('b')], a: [node('a1')], b: [node('b1')] });
  const next = { '': [node('a'), node('b')], a: [node('a1'), node('a2')], b: [node('b1')] };
  expect(await memory.update(reader(next))).toEqual([given.get('a')]);
  const again = memory.keep(given.get('a'), next.a);
  expect(again[0]).toBe(given.get('a1'));
  expect(await memory.update(reader(next))).toEqual([]);
});

test('other roots, or another order of them: everything is drawn again', async () => {
  const { memory } = await opened({ '': [node('a'), node('b')] });
  expect(await memory.update(reader({ '': [node('b'), node('a')] }))).toEqual([undefined]);
});

test('what the editor never asked about is not read', async () => {
  const memory = new TreeMemory();
  memory.keep(undefined, [node('a')]);
  const asked: (string | undefined)[] = [];
  await memory.update((parent) => {
    asked.push(parent?.id);
    return Promise.resolve([node('a')]);
  });
  expect(asked).toEqual([undefined]);
});

test('a branch that is gone is forgotten with all below it', async () => {
  const { memory, given } = await opened({ '': [node('a')], a: [node('b')], b: [node('c')] });
  memory.keep(undefined, []);
  const [fresh] = memory.keep(undefined, [node('a')]);
  expect(fresh).not.toBe(given.get('a'));
  expect(await memory.update(reader({ '': [node('a')] }))).toEqual([]);
});
