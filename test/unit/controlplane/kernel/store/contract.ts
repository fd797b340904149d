/** What every back-end of the store must do; each runs this table with its own way to open one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../../src/api/meta.ts';
import { Expired, RevisionMismatch, type Store, type StoreEvent } from '../../../../../src/controlplane/kernel/store/store.ts';

export interface Subject {
  store: Store;
  /** The same data, opened again. */
  reopen(): Promise<Store>;
  /** The next commit fails; undefined where that cannot be arranged. */
  failNextCommit?: (() => void) | undefined;
  dispose(): Promise<void>;
}

export const configMap = (name: string, value = '', namespace = 'demo'): KubeObject & { data: { value: string } } => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value },
});
const at = (name: string, namespace = 'demo') => `core/configmaps/${namespace}/${name}`;
const names = (entries: readonly { key: string }[]) => entries.map((entry) => entry.key.split('/').at(-1));
const told = (events: readonly StoreEvent[]) => events.map((event) => `${event.type} ${event.entry.key.split('/').at(-1)} ${event.entry.revision}`);

export function storeContract(backend: string, open: (bounds?: { events: number }) => Promise<Subject>): void {
  describe(`store contract: ${backend}`, () => {
    let subject: Subject;
    let store: Store;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.dispose());

    /** Creates; with `expected`, replaces. */
    const put = (name: string, value = '', ...expected: [number | undefined] | []) =>
      store.put(at(name), configMap(name, value), expected.length === 0 ? 0 : expected[0]);

    it('keeps an object with its revision stamped, frozen, and as bytes', async () => {
      const entry = await put('a', 'one');
      expect(entry.object.metadata.resourceVersion).toBe(String(entry.revision));
      expect(JSON.parse(entry.bytes.toString())).toEqual(entry.object);
      expect(Object.isFrozen((entry.object as unknown as { data: object }).data)).toBe(true);
      expect(store.get(at('a'))).toBe(entry);
      expect(store.revision).toBe(entry.revision);
    });

    it.each([
      ['creates what is not there', undefined, 0, 'written'],
      ['refuses to create what is there', 'a', 0, 'mismatch'],
      ['replaces at the expected revision', 'a', 'current', 'written'],
      ['refuses at another revision', 'a', 999_999, 'mismatch'],
      ['replaces at any revision', 'a', undefined, 'written'],
      ['refuses to replace what is not there', undefined, undefined, 'mismatch'],
      ['refuses a revision of what is not there', undefined, 5, 'mismatch'],
    ] as const)('%s', async (_, existing, expected, outcome) => {
      const current = existing && (await put(existing));
      const writing = put('a', 'new', expected === 'current' ? (current as { revision: number }).revision : expected);
      if (outcome === 'written') expect((await writing).revision).toBe(store.revision);
      else {
        await expect(writing).rejects.toBeInstanceOf(RevisionMismatch);
        await expect(writing).rejects.toMatchObject({ current: current || undefined });
      }
    });

    it('compares with what pending writes will leave, and shows readers only what is committed', async () => {
      const first = put('a', 'one');
      const pending = store.pending(at('a'));
      expect(pending?.object).toMatchObject({ data: { value: 'one' } });
      expect(store.get(at('a'))).toBeUndefined();
      const second = put('a', 'two', pending?.revision);
      await Promise.all([first, second]);
      expect(store.get(at('a'))?.object).toMatchObject({ data: { value: 'two' } });
      expect((await second).revision).toBeGreaterThan((await first).revision);
    });

    it('tells of a mismatch with a pending write when that is committed', async () => {
      const first = put('a', 'one');
      const second = put('a', 'two').catch((error: unknown) => ({ error, seen: store.get(at('a'))?.object }));
      await first;
      expect(await second).toMatchObject({ error: expect.any(RevisionMismatch), seen: { data: { value: 'one' } } });
    });

    it('removes, answers with the last version, and gives the deletion a revision of its own', async () => {
      const entry = await put('a');
      const events: StoreEvent[] = [];
      store.watch('core/configmaps/', undefined, (some) => events.push(...some));
      expect(await store.remove(at('a'), entry.revision)).toMatchObject({ revision: entry.revision });
      expect(store.get(at('a'))).toBeUndefined();
      expect(events).toMatchObject([{ type: 'remove', previous: { revision: entry.revision } }]);
      expect(events[0]?.entry.object.metadata.resourceVersion).toBe(String(store.revision));
      expect(JSON.parse(String(events[0]?.entry.bytes))).toEqual(events[0]?.entry.object);
      await expect(store.remove(at('a'), undefined)).rejects.toBeInstanceOf(RevisionMismatch);
      await put('a', 'again');
    });

    it('lists a prefix in key order, page by page, as it was when the first page was read', async () => {
      await Promise.all(['c', 'a', 'e', 'b', 'd'].map((name) => put(name)));
      await store.put('core/configmaps/demo-2/x', configMap('x', '', 'demo-2'), 0);
      await store.put('core/secrets/demo/s', configMap('s'), 0);
      const first = store.list('core/configmaps/demo/', { limit: 2 });
      expect([names(first.entries), first.remaining, first.revision]).toEqual([['a', 'b'], 3, store.revision]);
      await Promise.all([store.remove(at('c'), undefined), put('bb'), put('d', 'changed', undefined), store.remove(at('e'), undefined).then(() => put('e', 'anew'))]);
      const second = store.list('core/configmaps/demo/', { limit: 2, at: first.revision, after: first.next ?? '' });
      expect([names(second.entries), second.remaining, second.revision]).toEqual([['c', 'd'], 1, first.revision]);
      expect(second.entries[1]?.object).toMatchObject({ data: { value: '' } });
      const third = store.list('core/configmaps/demo/', { limit: 2, at: first.revision, after: second.next ?? '' });
      expect([names(third.entries), third.next]).toEqual([['e'], undefined]);
      expect(names(store.list('core/configmaps/demo/').entries)).toEqual(['a', 'b', 'bb', 'd', 'e']);
      expect([store.count('core/configmaps/'), store.count('core/configmaps/demo/'), store.count('core/'), store.count('apps/')]).toEqual([6, 5, 7, 0]);
    });

    it('watches from now on and from a revision, by prefix, in order', async () => {
      const live: string[] = [];
      const a = await put('a');
      const watch = store.watch('core/configmaps/demo/', undefined, (events) => live.push(...told(events)));
      const [b, c] = await Promise.all([put('b'), put('c')]);
      await store.put('core/secrets/demo/s', configMap('s'), 0);
      expect(live).toEqual([`put b ${b.revision}`, `put c ${c.revision}`]);
      const replayed: string[] = [];
      store.watch('core/configmaps/', a.revision, (events) => replayed.push(...told(events)));
      expect(replayed).toEqual(live);
      void watch.dispose();
      const d = await put('d');
      expect([live.length, replayed.at(-1)]).toEqual([2, `put d ${d.revision}`]);
    });

    it('reports to a watch opened by a listener no event twice', async () => {
      const a = await put('a');
      const inner: string[] = [];
      store.watch('core/configmaps/', undefined, () => void store.watch('core/configmaps/', a.revision, (events) => inner.push(...told(events))));
      const b = await put('b');
      expect(inner).toEqual([`put b ${b.revision}`]);
    });

    it('goes on telling others when a listener throws', async () => {
      const seen: string[] = [];
      store.watch('core/', undefined, () => {
        throw new Error('a bad listener');
      });
      store.watch('core/', undefined, (events) => seen.push(...told(events)));
      await put('a');
      expect(seen).toHaveLength(1);
    });

    it('says Expired for a revision that history no longer reaches', async () => {
      await subject.dispose();
      subject = await open({ events: 5 });
      store = subject.store;
      const first = await put('a');
      for (let round = 0; round < 8; round++) await put('a', String(round), undefined);
      expect(() => store.watch('core/', first.revision, () => undefined)).toThrow(Expired);
      expect(() => store.list('core/', { at: first.revision })).toThrow(Expired);
      expect(() => store.watch('core/', store.revision - 5, () => undefined)).not.toThrow();
    });

    it('holds everything after it was opened again, and goes on counting', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => put(`n${n}`, String(n))));
      await store.remove(at('n3'), undefined);
      const before = store.list('').entries.map((entry) => [entry.key, entry.revision, entry.object]);
      const { revision } = store;
      store = await subject.reopen();
      expect(store.list('').entries.map((entry) => [entry.key, entry.revision, entry.object])).toEqual(before);
      expect(store.revision).toBe(revision);
      expect((await put('later')).revision).toBeGreaterThan(revision);
      expect(() => store.watch('core/', revision, () => undefined)).not.toThrow();
      expect(() => store.watch('core/', revision - 1, () => undefined)).toThrow(Expired);
    });

    it('rejects the whole batch of a failed commit, and what builds on it, and nothing else', async ({ skip }) => {
      if (!subject.failNextCommit) return skip(`${backend} cannot be made to fail`);
      const kept = await put('kept', 'old');
      const events: string[] = [];
      store.watch('', undefined, (some) => events.push(...told(some)));
      subject.failNextCommit();
      const batch = [put('a'), put('kept', 'new', kept.revision)];
      await new Promise((resolve) => setImmediate(resolve));
      const late = [put('a', 'on top', store.pending(at('a'))?.revision), put('other')];
      const results = await Promise.allSettled([...batch, ...late]);
      expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
      expect(names(store.list('').entries)).toEqual(['kept', 'other']);
      expect(store.get(at('kept'))).toBe(kept);
      expect([store.pending(at('a')), store.pending(at('kept'))]).toEqual([undefined, kept]);
      expect(events).toEqual([`put other ${store.revision}`]);
      await put('a', 'now it works');
    });

    it('refuses writes once disposed, after finishing those it took', async () => {
      const taken = put('a');
      const closing = store.dispose();
      await expect(put('b')).rejects.toMatchObject({ code: 'closed' });
      await closing;
      expect((await taken).revision).toBeGreaterThan(0);
      expect((await subject.reopen()).get(at('a'))).toBeDefined();
    });
  });
}
