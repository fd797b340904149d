import { describe, expect, it } from 'vitest';
import {
  formatSelector, matches, matchesFields, matchesLabelSelector, parseFieldSelector, parseSelector, selectorOf, SelectorError,
} from '../../../src/api/selector.ts';

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', count: '5', empty: '' };
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app=web,tier=back', false],
    ['missing!=x', true],
    ['app', true],
    ['!app', false],
    ['!missing', true],
    ['app in (api, web)', true],
    ['app in (api)', false],
    ['app notin (api),tier in (front,back)', true],
    ['missing notin (x)', true],
    ['count>4,count<6', true],
    ['count>5', false],
    ['app>1', false],
    ['empty=', true],
    ['empty in ()', true],
    ['  app = web ,  tier ', true],
    ['example.com/x notin (a,b)', true],
  ])('%s → %s', (text, expected) => expect(matches(parseSelector(text), labels)).toBe(expected));

  it.each(['app=web=x', 'app in web', 'app in (web', '=x', 'a b', 'app,', 'app in (a))', '-x', 'a=b c', 'x>y', 'a/b/c'])('refuses %s', (text) => expect(() => parseSelector(text)).toThrow(SelectorError));

  it('writes them sorted by key', () => {
    for (const text of ['a=1,b in (x,y),!c,d,e!=2,f notin (p,q),g>3,h<4']) expect(formatSelector(parseSelector(text))).toBe('a=1,b in (x,y),!c,d,e!=2,f notin (p,q),g>3,h<4');
    expect(formatSelector(parseSelector('z=1,a=2'))).toBe('a=2,z=1');
  });

  it('takes the object form', () => {
    const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In' as const, values: ['front'] }, { key: 'gone', operator: 'DoesNotExist' as const }] };
    expect(matchesLabelSelector(selector, labels)).toBe(true);
    expect(matchesLabelSelector(undefined, labels)).toBe(false);
    expect(matchesLabelSelector({}, undefined)).toBe(true);
    expect(formatSelector(selectorOf(selector) ?? [])).toBe('app=web,!gone,tier=front');
  });
});

describe('field selectors', () => {
  const valueOf = (field: string) => ({ 'spec.nodeName': 'n1', 'status.phase': 'Running', odd: 'a,b=c\\' })[field] ?? '';
  it.each([
    ['', true],
    ['spec.nodeName=n1', true],
    ['spec.nodeName==n1,status.phase!=Failed,status.phase!=Succeeded', true],
    ['spec.nodeName!=n1', false],
    ['spec.nodeName=', false],
    ['odd=a\\,b\\=c\\\\', true],
  ])('%s → %s', (text, expected) => expect(matchesFields(parseFieldSelector(text), valueOf)).toBe(expected));

  it('refuses nonsense', () => {
    expect(() => parseFieldSelector('nonsense')).toThrow("invalid selector: 'nonsense'; can't understand 'nonsense'");
  });
});
