import { parseArgs, type ParseArgsConfig } from 'node:util';
import { resolveHome } from '../client/daemon/home.ts';
import { UserError } from './failure.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Arguments {
  home: string;
  /** `-n`, `--namespace` or `--project`. */
  namespace: string | undefined;
  positionals: string[];
  text(name: string): string | undefined;
  texts(name: string): string[];
  flag(name: string): boolean;
  /** A port. */
  number(name: string): number | undefined;
  /** A whole number from 0. */
  count(name: string): number | undefined;
  /** Of a time like `90s`, `1h30m`, `7d`, `0`. */
  milliseconds(name: string): number | undefined;
}

const common: Options = {
  home: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  project: { type: 'string' },
};

/** Parses a verb's arguments. Unknown options and wrong forms are refused with the option's name. */
export function parse(args: string[], options: Options = {}): Arguments {
  const { values, positionals } = read(args, { ...common, ...options });
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    home: resolveHome(text('home')),
    namespace: text('namespace') ?? text('project'),
    positionals,
    text,
    texts: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
    flag: (name) => values[name] === true,
    number: (name) => toNumber(name, text(name)),
    milliseconds: (name) => toMilliseconds(name, text(name)),
    count: (name) => toCount(name, text(name)),
  };
}

function read(args: string[], options: Options): { values: Record<string, unknown>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values, positionals };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\nSee "slipway help".`, 2);
  }
}

function toNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new UserError(`--${name} takes a port number between 0 and 65535, not "${text}".`, 2);
  return value;
}

function toCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UserError(`--${name} takes a whole number from 0, not "${text}".`, 2);
  return Number(text);
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function toMilliseconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) throw new UserError(`--${name} takes a time like 60m, 1h30m or 7d, not "${text}".`, 2);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit as keyof typeof unitMs], 0);
}
