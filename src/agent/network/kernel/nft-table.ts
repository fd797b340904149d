/** A table of nftables as data, and the script that leads from one state of it to the next (nft(8)); pure. One script is one transaction: all of it or nothing. */

export interface NftSet {
  /** Body of its declaration, e.g. `type ipv4_addr; flags interval;`. */
  body: string;
  kind: 'set' | 'map';
  /** Element to its value (maps), or to an empty text. */
  elements: ReadonlyMap<string, string>;
  /** The kernel fills it: elements of ours are never taken out. */
  filledByKernel?: boolean;
}

export interface NftTable {
  sets: ReadonlyMap<string, NftSet>;
  /** Rules of chains without hook, by name. */
  chains: ReadonlyMap<string, readonly string[]>;
  /** Chains with a hook: the text of their body. They never change. */
  hooks: ReadonlyMap<string, string>;
}

/** The whole table anew, whatever was there. */
export function makeScript(name: string, table: NftTable): string {
  return [
    `add table ip ${name}`,
    `delete table ip ${name}`,
    `add table ip ${name}`,
    ...changes(name, { sets: new Map(), chains: new Map(), hooks: new Map() }, table),
    ...[...table.hooks].map(([chain, body]) => `table ip ${name} {\n chain ${chain} {\n${body}\n }\n}`),
    '',
  ].join('\n');
}

/** What changed; empty if nothing did. */
export function changeScript(name: string, before: NftTable, after: NftTable): string {
  const lines = changes(name, before, after);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function changes(name: string, before: NftTable, after: NftTable): string[] {
  const lines: string[] = [];
  const add = (line: string) => lines.push(line);
  for (const [set, { kind, body }] of after.sets) if (!before.sets.has(set)) add(`add ${kind} ip ${name} ${set} { ${body} }`);
  for (const chain of after.chains.keys()) if (!before.chains.has(chain)) add(`add chain ip ${name} ${chain}`);
  for (const [chain, rules] of after.chains) {
    const old = before.chains.get(chain);
    if (old && old.length === rules.length && old.every((rule, at) => rule === rules[at])) continue;
    if (old) add(`flush chain ip ${name} ${chain}`);
    for (const rule of rules) add(`add rule ip ${name} ${chain} ${rule}`);
  }
  for (const [set, { elements, filledByKernel }] of after.sets) {
    if (filledByKernel) continue;
    const old = before.sets.get(set)?.elements ?? new Map<string, string>();
    const gone = [...old].filter(([key, value]) => elements.get(key) !== value).map(([key]) => key);
    const fresh = [...elements].filter(([key, value]) => old.get(key) !== value).map(([key, value]) => (value === '' ? key : `${key} : ${value}`));
    if (gone.length > 0) add(`delete element ip ${name} ${set} { ${gone.join(', ')} }`);
    if (fresh.length > 0) add(`add element ip ${name} ${set} { ${fresh.join(', ')} }`);
  }
  const goneChains = [...before.chains.keys()].filter((chain) => !after.chains.has(chain));
  // Rules first: a chain or set that is referred to cannot go.
  for (const chain of goneChains) add(`flush chain ip ${name} ${chain}`);
  for (const chain of goneChains) add(`delete chain ip ${name} ${chain}`);
  for (const [set, { kind }] of before.sets) if (!after.sets.has(set)) add(`delete ${kind} ip ${name} ${set}`);
  return lines;
}
