/** `RUN --mount=…` (Dockerfile reference, "RUN --mount"). Pure. */
import { posix } from 'node:path';
import { DockerfileError } from './syntax-error.ts';

export type RunMount =
  | { type: 'bind'; target: string; source: string; from: string | undefined; writable: boolean }
  | { type: 'cache'; target: string; id: string; source: string; from: string | undefined; sharing: 'shared' | 'private' | 'locked'; writable: boolean; mode: number; uid: number; gid: number }
  | { type: 'tmpfs'; target: string; size: number | undefined }
  | { type: 'secret'; id: string; target: string | undefined; variable: string | undefined; required: boolean; mode: number; uid: number; gid: number };

const keys: Record<RunMount['type'], readonly string[]> = {
  bind: ['target', 'source', 'from', 'readwrite', 'readonly'],
  cache: ['id', 'target', 'source', 'from', 'sharing', 'readwrite', 'readonly', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['id', 'target', 'required', 'mode', 'uid', 'gid', 'env'],
};
const sameAs: Record<string, string> = { dst: 'target', destination: 'target', src: 'source', rw: 'readwrite', ro: 'readonly' };

/** `text`: what follows `--mount=`, variables replaced. */
export function parseMount(text: string, workingDir: string): RunMount {
  const options = new Map<string, string>();
  for (const part of splitOptions(text)) {
    const at = part.indexOf('=');
    const written = (at < 0 ? part : part.slice(0, at)).toLowerCase();
    options.set(sameAs[written] ?? written, at < 0 ? 'true' : part.slice(at + 1));
  }
  const type = options.get('type') ?? 'bind';
  if (type === 'ssh') throw new DockerfileError('--mount=type=ssh: a build pod has no SSH agent to forward. Fetch private repositories as the source of the build (spec.source.sourceSecret), or mount a key with --mount=type=secret');
  if (!(type in keys)) throw new DockerfileError(`--mount=type=${type}: the types are ${Object.keys(keys).join(', ')}`);
  for (const name of options.keys()) if (name !== 'type' && !keys[type as RunMount['type']].includes(name)) throw new DockerfileError(`--mount=type=${type} knows no option "${name}"`);
  const path = (name: string) => {
    const value = options.get(name);
    return value === undefined ? undefined : posix.resolve(workingDir, value);
  };
  const on = (name: string) => options.has(name) && options.get(name) !== 'false';
  const number = (name: string, otherwise: number, base = 10) => {
    const value = options.get(name);
    if (value === undefined) return otherwise;
    if (!(base === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/).test(value)) throw new DockerfileError(`--mount: ${name}=${value} is no ${base === 8 ? 'mode such as 0755' : 'number'}`);
    return parseInt(value, base);
  };
  const target = path('target');
  if (type === 'secret') {
    const id = options.get('id') ?? (target === undefined ? undefined : posix.basename(target));
    if (id === undefined || id === '') throw new DockerfileError('--mount=type=secret needs an id');
    const variable = options.get('env');
    return { type, id, target: target ?? (variable === undefined ? `/run/secrets/${id}` : undefined), variable, required: on('required'), mode: number('mode', 0o400, 8), uid: number('uid', 0), gid: number('gid', 0) };
  }
  if (target === undefined) throw new DockerfileError(`--mount=type=${type} needs a target`);
  if (target === '/') throw new DockerfileError('--mount: nothing can be mounted over the root');
  const from = options.get('from') || undefined;
  const source = options.get('source') ?? '/';
  if (type === 'bind') return { type, target, source, from, writable: on('readwrite') };
  if (type === 'cache') {
    const sharing = options.get('sharing') ?? 'shared';
    if (sharing !== 'shared' && sharing !== 'private' && sharing !== 'locked') throw new DockerfileError(`--mount: sharing=${sharing}: it is shared, private or locked`);
    return { type, target, id: options.get('id') ?? target, source, from, sharing, writable: !on('readonly'), mode: number('mode', 0o755, 8), uid: number('uid', 0), gid: number('gid', 0) };
  }
  return { type: 'tmpfs', target, size: options.has('size') ? sizeOf(options.get('size') ?? '') : undefined };
}

/** Commas separate; a value in double quotes may hold them (as in CSV). */
function splitOptions(text: string): string[] {
  return (text.match(/(?:"[^"]*"|[^,"])+/g) ?? []).map((part) => part.replaceAll('"', '').trim()).filter(Boolean);
}

function sizeOf(text: string): number {
  const [, value = '', unit = ''] = /^(\d+)\s*([kmgKMG]?)(?:i?[bB])?$/.exec(text) ?? [];
  if (value === '') throw new DockerfileError(`--mount: size=${text} is no size such as 64m`);
  return Number(value) * 1024 ** ' kmg'.indexOf(unit.toLowerCase() || ' ');
}
