/** What leads a running HAProxy from one configuration to the next: commands of its runtime API, or a new program. Pure (management.txt section 9.3). */
import { fileNames, mapFile, type Config } from './config.ts';
import type { BackendPlan, ServerPlan } from './backend.ts';
import { mapNames } from './maps.ts';

export interface Changes {
  /** One after the other; each answers with nothing, or with what it says. */
  commands: Command[];
  /** Why a new program is needed; the commands do not matter then. */
  reload: string | undefined;
}

export interface Command {
  text: string;
  /** Lines that follow the command; bounded by HAProxy's buffer, so they are sent in parts. */
  payload?: string[];
  /** Words the answer begins with when it worked. Absent: it says nothing. */
  answer?: RegExp;
  /** A command that may fail without harm: a server that still has connections is left for the next program. */
  mayFail?: true;
}

/** `folder`: that of the configuration. */
export function changesBetween(before: Config, after: Config, folder: string): Changes {
  const reload = reloadReason(before, after);
  if (reload !== undefined) return { commands: [], reload };
  const commands: Command[] = [];
  for (const [name, pem] of after.pems) if (before.pems.get(name) !== pem) commands.push(...certificateCommands(`${folder}/${name}`, pem));
  for (const [name, backend] of after.backends) commands.push(...serverCommands(name, before.backends.get(name)?.servers ?? new Map(), backend.servers));
  for (const name of mapNames) if (!sameMap(before.maps[name], after.maps[name])) commands.push({ text: `map ${folder}/${mapFile(name)}`, payload: [...after.maps[name]].map(([key, value]) => `${key} ${value}`) });
  return { commands, reload: undefined };
}

function reloadReason(before: Config, after: Config): string | undefined {
  if (before.head.join('\n') !== after.head.join('\n')) return 'the listeners change';
  for (const [name, backend] of after.backends) {
    const old = before.backends.get(name);
    if (!old) return `${name} is new`;
    if (old.lines.join('\n') !== backend.lines.join('\n') || movedServer(old, backend)) return `${name} changes`;
  }
  for (const [name, pem] of after.pems) {
    if (before.pems.get(name) === pem) continue;
    // Authorities are read with the server that uses them, and a list with its listener.
    if (!before.pems.has(name) || !name.endsWith('.pem')) return `${name} changes`;
  }
  if (before.pems.get(fileNames.certificates) !== after.pems.get(fileNames.certificates)) return 'the list of certificates changes';
  return undefined;
}

/** A server of the same name that is spoken to otherwise. */
function movedServer(old: BackendPlan, backend: BackendPlan): boolean {
  return [...backend.servers].some(([name, server]) => {
    const known = old.servers.get(name);
    return known !== undefined && (known.options !== server.options || known.address !== server.address);
  });
}

function serverCommands(backend: string, before: ReadonlyMap<string, ServerPlan>, after: ReadonlyMap<string, ServerPlan>): Command[] {
  const commands: Command[] = [];
  for (const [name, server] of after) {
    const at = `${backend}/${name}`;
    const known = before.get(name);
    if (!known) commands.push(...addCommands(at, server));
    else if (known.weight !== server.weight) commands.push({ text: `set server ${at} weight ${server.weight}` });
  }
  // Only now: a backend is never without servers in between.
  for (const name of before.keys()) {
    if (after.has(name)) continue;
    const at = `${backend}/${name}`;
    commands.push({ text: `set server ${at} state maint` }, { text: `del server ${at}`, answer: /^Server deleted/, mayFail: true });
  }
  return commands;
}

/** It gets its cookie when its address is set, and no request before it is enabled. */
function addCommands(at: string, { address, weight, options, checked }: ServerPlan): Command[] {
  const colon = address.lastIndexOf(':');
  const ip = address.slice(0, colon);
  // One of that name may be there still, waiting for its last connections to end.
  return [
    { text: `del server ${at}`, answer: /^Server deleted/, mayFail: true },
    { text: `add server ${at} ${ip}:1 weight ${weight}${options && ` ${options}`}`, answer: /^New server registered/ },
    { text: `set server ${at} addr ${ip} port ${address.slice(colon + 1)}`, answer: /port changed/ },
    ...(checked ? [{ text: `enable health ${at}` }] : []),
    { text: `set server ${at} state ready` },
  ];
}

function certificateCommands(file: string, pem: string): Command[] {
  return [
    { text: `set ssl cert ${file}`, payload: pem.split('\n').filter(Boolean), answer: /^Transaction (?:created|updated)/ },
    { text: `commit ssl cert ${file}`, answer: /Success!/ },
  ];
}

function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
