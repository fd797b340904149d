/** The field tables of `messages.json` (format: test/config/distil-protobuf.mjs), parsed a message at a time when first met. */
import tables from './messages.json' with { type: 'json' };

export type Scalar = 's' | 'y' | 'i' | 'b' | 'd' | 'f';

export interface Field {
  /** Name in JSON. */
  readonly name: string;
  readonly type: Scalar | Message;
  readonly repeated: boolean;
  /** A map with string keys. */
  readonly map: boolean;
  /** Its fields belong to the parent in JSON. */
  readonly inlined: boolean;
  /** Zero values are left out of JSON: the sender writes them although they were never set. */
  readonly omitsZero: boolean;
}

export interface Message {
  /** `core.v1.Pod` */
  readonly name: string;
  readonly fields: ReadonlyMap<number, Field>;
}

const names = Object.keys(tables);
const source = tables as Record<string, string>;
const parsed = new Map<string, Message>();

/** The message of that name, e.g. `apps.v1.Deployment`. */
export function messageNamed(name: string): Message | undefined {
  const known = parsed.get(name);
  if (known) return known;
  if (!Object.hasOwn(source, name)) return undefined;
  const fields = new Map<number, Field>();
  const message: Message = { name, fields };
  // Registered before its fields are read: messages may contain themselves.
  parsed.set(name, message);
  for (const text of (source[name] ?? '').split(';')) {
    const match = /^(\d+)([*%!?+]*) (\S+) (\S+)$/.exec(text);
    if (match) fields.set(Number(match[1]), field(match[2] ?? '', match[3] ?? '', match[4] ?? ''));
  }
  return message;
}

function field(flags: string, name: string, type: string): Field {
  return {
    name,
    type: /\d/.test(type) ? reference(Number(type)) : (type as Scalar),
    repeated: flags.includes('*'),
    map: flags.includes('%'),
    inlined: flags.includes('!'),
    omitsZero: !/[?+]/.test(flags),
  };
}

function reference(index: number): Message {
  const message = messageNamed(names[index] ?? '');
  if (!message) throw new Error(`messages.json: no message ${index}`);
  return message;
}
