import { describe, expect, it } from 'vitest';
import { configMaps, pods } from '../../../../../src/api/kinds/core.ts';
import { systemClock } from '../../../../../src/base/clock.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { settle } from '../../../../support/manual-clock.ts';
import { boot, kindsOf, ModuleFailed } from '../../../../../src/controlplane/kernel/boot/boot.ts';
import type { Module, ModuleContext } from '../../../../../src/controlplane/kernel/boot/module.ts';

function house(...given: (Partial<Module> & { name: string })[]) {
  const story: string[] = [];
  const modules = given.map((module): Module => ({
    dependsOn: [],
    kinds: [],
    async start({ scope }) {
      story.push(`start ${module.name}`);
      scope.defer(() => void story.push(`stop ${module.name}`));
      await Promise.resolve();
    },
    ...module,
  }));
  const context = () => ({ clock: systemClock, log: silentLog }) as unknown as Omit<ModuleContext, 'scope'>;
  return { story, modules, running: () => boot({ modules, context, log: silentLog }) };
}

describe('boot', () => {
  it('starts in order and ends in reverse', async () => {
    const { story, running } = house({ name: 'a' }, { name: 'b', dependsOn: ['a'] }, { name: 'data-only', start: undefined as never }, { name: 'c', dependsOn: ['a', 'b'] });
    const platform = running();
    await platform.start();
    expect(platform.ready).toBe(true);
    await platform.dispose();
    expect(story).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
    expect(platform.readiness().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  });

  it.each([
    [[{ name: 'b', dependsOn: ['a'] }, { name: 'a' }], 'needs "a", which comes later'],
    [[{ name: 'b', dependsOn: ['x'] }], 'needs "x", which is not in the list'],
    [[{ name: 'b' }, { name: 'b' }], 'the same name'],
  ])('refuses a list that is no order', (modules, text) => {
    expect(() => house(...modules).running()).toThrow(text);
  });

  it('ends what had started when one fails, and starts nothing after it', async () => {
    const { story, running } = house({ name: 'a' }, { name: 'b', start: () => Promise.reject(new Error('the port is taken')) }, { name: 'c' });
    const platform = running();
    await expect(platform.start()).rejects.toThrow(new ModuleFailed('b', new Error('the port is taken')));
    expect(story).toEqual(['start a', 'stop a']);
    expect(platform.readiness()).toEqual([{ name: 'a', state: 'stopped' }, { name: 'b', state: 'failed', error: 'the port is taken' }, { name: 'c', state: 'waiting' }]);
  });

  it('ends also in the middle of a start', async () => {
    let release = () => undefined as void;
    const { story, running } = house({ name: 'a' }, { name: 'b', start: async ({ scope }) => {
      scope.defer(() => void story.push('stop b'));
      await new Promise<void>((resolve) => (release = resolve));
      scope.defer(() => void story.push('stop what came late'));
    } }, { name: 'c' });
    const platform = running();
    const starting = platform.start();
    await settle();
    await platform.dispose();
    release();
    await expect(starting).rejects.toThrow('stopped while starting');
    expect(story).toEqual(['start a', 'stop b', 'stop a', 'stop what came late']);
  });

  it('collects kinds, each of one module', () => {
    const kinds = [{ type: 'stored' as const, resource: pods }];
    expect(kindsOf(house({ name: 'a', kinds }, { name: 'b', kinds: [{ type: 'stored', resource: configMaps }] }).modules)).toHaveLength(2);
    expect(() => kindsOf(house({ name: 'a', kinds }, { name: 'b', kinds }).modules)).toThrow('"b" and "a" both bring /v1/pods');
  });
});
