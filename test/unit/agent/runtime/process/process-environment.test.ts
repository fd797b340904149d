import { describe, expect, test } from 'vitest';
import { processEnvironment, volumeVariable, type EnvironmentInput } from '../../../../../src/agent/runtime/process/process-environment.ts';
import { relocation } from '../../../../../src/agent/runtime/process/relocation.ts';

const root = '/work/c1/root';
const image = { env: ['PATH=/opt/s2i/bin:/usr/bin', 'HOME=/opt/app-root/src', 'PORT=8080', 'APP_ROOT=/opt/app-root'], entrypoint: [], cmd: [], exposedPorts: [], labels: {} };

function environment(env: Record<string, string>, change: Partial<EnvironmentInput> = {}): Record<string, string> {
  return processEnvironment({
    id: 'c1', image, config: { env: Object.entries(env).map(([name, value]) => ({ name, value })), tty: false }, hostname: 'web-1', ports: [8080], portMap: { 8080: 23456, 9090: 23457 },
    relocation: relocation(root, () => false), systemPath: '/usr/bin:/usr/local/bin', own: {}, ...change,
  });
}

describe('PORT', () => {
  test.each<[string, Record<string, string>, Partial<EnvironmentInput>, string | undefined]>([
    ['the port that was given for the one named in the pod', { PORT: '8080' }, {}, '23456'],
    ['the same for another declared one', { PORT: '9090' }, { ports: [8080, 9090] }, '23457'],
    ["the user's own number where it is no container port", { PORT: '3000' }, {}, '3000'],
    ["the image's, if the container declares it", {}, { ports: [9090, 8080] }, '23456'],
    ['the first declared one otherwise', {}, { ports: [9090] }, '23457'],
    ["the image's as it stands, for a container without ports", {}, { ports: [] }, '8080'],
    ['untouched on the network of the host', { PORT: '8080' }, { portMap: undefined }, '8080'],
  ])('is %s', (_, env, change, expected) => expect(environment(env, change).PORT).toBe(expected));

  test('every mapped port can be asked for by number', () => {
    expect(environment({})).toMatchObject({ SLIPWAY_PORT_8080: '23456', SLIPWAY_PORT_9090: '23457' });
  });
});

describe('HOST', () => {
  test.each([[undefined, '127.0.0.1'], ['0.0.0.0', '127.0.0.1'], ['::', '127.0.0.1'], ['127.0.0.2', '127.0.0.2']])('%s becomes %s', (given, expected) => {
    expect(environment(given === undefined ? {} : { HOST: given }).HOST).toBe(expected);
  });
  test('is not set on the network of the host', () => expect(environment({}, { portMap: undefined }).HOST).toBeUndefined());
});

test("the application's folders are led into the work folder, the machine's programs come after the image's", () => {
  expect(environment({})).toMatchObject({
    APP_ROOT: `${root}/opt/app-root`, HOME: `${root}/opt/app-root/src`, TMPDIR: `${root}/tmp`, HOSTNAME: 'web-1', PATH: `${root}/opt/s2i/bin:/usr/bin:/usr/local/bin`,
  });
});

test("a home that is this machine's is not handed on, one that the pod names is", () => {
  expect(environment({}, { image: { ...image, env: ['HOME=/root'] } }).HOME).toBe(root);
  expect(environment({ HOME: '/srv/data' }).HOME).toBe('/srv/data');
});

test('the marker wins over whatever the pod says', () => {
  expect(environment({ SLIPWAY_CONTAINER: 'other' })).toMatchObject({ SLIPWAY_CONTAINER: 'c1' });
});

test('names of volumes become names of variables', () => expect(volumeVariable('my-data.1')).toBe('SLIPWAY_VOLUME_MY_DATA_1'));
