/** What instructions change of an image's configuration (Dockerfile reference). Pure. */
import { posix } from 'node:path';
import type { RunConfig } from '../../../../../oci/manifest.ts';
import { flagOf, pairsOf, parseDuration, type Instruction } from './instruction.ts';
import { DockerfileError } from './syntax-error.ts';
import { expandWord, expandWords, splitWords, type WordRules } from './words.ts';

export interface ConfigContext extends WordRules {
  /** `CMD` was set in this stage: a new `ENTRYPOINT` leaves it. */
  commandIsOwn: boolean;
}

const defaultShell = ['/bin/sh', '-c'];

export function shellOf(config: RunConfig): string[] {
  return config.Shell?.length ? [...config.Shell] : defaultShell;
}

export function envOf(config: RunConfig): Map<string, string> {
  return new Map((config.Env ?? []).map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
}

export function withEnv(config: RunConfig, pairs: readonly { name: string; value: string }[]): RunConfig {
  const env = envOf(config);
  for (const { name, value } of pairs) env.set(name, value);
  return { ...config, Env: [...env].map(([name, value]) => `${name}=${value}`) };
}

/** The configuration after an instruction; undefined for those that change files or more. */
export function configAfter(instruction: Instruction, config: RunConfig, context: ConfigContext): RunConfig | undefined {
  const { keyword, rest, list, line } = instruction;
  const words = () => list ?? expandWords(rest, context);
  const pairs = () => pairsOf(instruction, context.escape).map(({ name, value }) => ({ name: expandWord(name, context), value: expandWord(value, context) }));
  switch (keyword) {
    case 'ENV':
      return withEnv(config, pairs());
    case 'LABEL':
      return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs().map(({ name, value }) => [name, value])) } };
    case 'USER':
      return { ...config, User: expandWord(rest, context) };
    case 'EXPOSE':
      return { ...config, ExposedPorts: { ...config.ExposedPorts, ...Object.fromEntries(words().flatMap((word) => portsOf(word, line)).map((port) => [port, {}])) } };
    case 'VOLUME': {
      const volumes = (list ?? splitWords(rest, context.escape)).map((word) => expandWord(word, context).trim()).filter(Boolean);
      if (volumes.length === 0) throw new DockerfileError('VOLUME needs a path', line);
      return { ...config, Volumes: { ...config.Volumes, ...Object.fromEntries(volumes.map((path) => [path, {}])) } };
    }
    case 'STOPSIGNAL': {
      const signal = expandWord(rest, context);
      if (!/^(?:SIG)?[A-Z][A-Z0-9+-]*$|^\d{1,2}$/.test(signal)) throw new DockerfileError(`"${signal}" is no signal such as SIGTERM or 15`, line);
      return { ...config, StopSignal: signal };
    }
    case 'SHELL':
      if (!list?.length) throw new DockerfileError('SHELL takes a JSON list: SHELL ["/bin/bash", "-c"]', line);
      return { ...config, Shell: list };
    case 'CMD':
      return { ...config, Cmd: list ?? (rest === '' ? [] : [...shellOf(config), rest]) };
    case 'ENTRYPOINT':
      return { ...config, Entrypoint: list ?? (rest === '' ? [] : [...shellOf(config), rest]), Cmd: context.commandIsOwn ? config.Cmd : null };
    case 'HEALTHCHECK':
      return { ...config, Healthcheck: healthcheckOf(instruction) };
    default:
      return undefined;
  }
}

export function workingDirAfter(rest: string, config: RunConfig, rules: WordRules): string {
  return posix.resolve('/', config.WorkingDir || '/', expandWord(rest, rules));
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function portsOf(word: string, line: number): string[] {
  const [, from = '', to = from, protocol = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]+))?$/.exec(word) ?? [];
  const [first, last] = [Number(from), Number(to)];
  const known = ['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase());
  if (from === '' || first > 65_535 || last > 65_535 || last < first || !known) throw new DockerfileError(`EXPOSE: "${word}" is no port such as 8080, 53/udp or 8000-8010`, line);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}

function healthcheckOf(instruction: Instruction): NonNullable<RunConfig['Healthcheck']> {
  const { rest, line } = instruction;
  const [, type = '', command = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (type.toUpperCase() === 'NONE') {
    if (command !== '' || instruction.flags.length > 0) throw new DockerfileError('HEALTHCHECK NONE takes nothing else', line);
    return { Test: ['NONE'] };
  }
  if (type.toUpperCase() !== 'CMD') throw new DockerfileError(`HEALTHCHECK takes CMD or NONE, not "${type}"`, line);
  if (command === '') throw new DockerfileError('HEALTHCHECK CMD needs a command', line);
  let list: string[] | undefined;
  try {
    const value = command.startsWith('[') ? (JSON.parse(command) as unknown) : undefined;
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) list = value;
  } catch {
    // The shell form.
  }
  const duration = (name: string) => {
    const value = flagOf(instruction, name);
    return value === undefined ? undefined : parseDuration(value, line);
  };
  const [interval, timeout, start, startInterval] = [duration('interval'), duration('timeout'), duration('start-period'), duration('start-interval')];
  const retries = flagOf(instruction, 'retries');
  if (retries !== undefined && !/^\d{1,6}$/.test(retries)) throw new DockerfileError(`--retries=${retries} is no number`, line);
  return {
    Test: list ? ['CMD', ...list] : ['CMD-SHELL', command],
    ...(interval !== undefined && { Interval: interval }),
    ...(timeout !== undefined && { Timeout: timeout }),
    ...(start !== undefined && { StartPeriod: start }),
    ...(startInterval !== undefined && { StartInterval: startInterval }),
    ...(retries !== undefined && { Retries: Number(retries) }),
  };
}
