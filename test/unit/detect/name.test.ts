import { expect, test } from 'vitest';
import { proposeName, validateAppName } from '../../../src/detect/name.ts';

test.each([
  ['/home/ada/My_App', 'my-app'],
  ['C:\\Users\\ada\\shop\\', 'shop'],
  ['git@host.example:team/Web.Site.git', 'web-site'],
  ['https://host.example/team/café.git#main', 'cafe'],
  ['https://host.example/team/app/', 'app'],
  ['/srv/2048', 'app'],
  ['/srv/99-bottles', 'bottles'],
  ['/', 'app'],
  [`/srv/${'x'.repeat(80)}`, 'x'.repeat(50)],
  [`/srv/${'x'.repeat(49)}-y`, 'x'.repeat(49)],
])('%s is called %s', (source, name) => {
  expect(proposeName(source)).toBe(name);
  expect(validateAppName(name)).toBeUndefined();
});

test.each([
  ['', /needed/],
  ['Web', /lower case: try "web"/],
  ['my_app', /no DNS label.*Try "my-app"/],
  ['-web', /no DNS label/],
  ['web-', /no DNS label/],
  ['1web', /letter comes first/],
  ['x'.repeat(51), /51 characters long; at most 50/],
])('"%s" is refused', (name, why) => {
  expect(validateAppName(name)).toMatch(why);
});
