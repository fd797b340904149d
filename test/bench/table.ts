/** Rows of measurements beside what they are measured against, printed as one table. Nothing is asserted: a number here is read by people. */

export interface Row {
  what: string;
  value: number;
  unit: Unit;
  better: 'more' | 'less';
  /** Told with where the number comes from; `missing` names the Debian package that would bring it. */
  peer?: { name: string; value: number; from: 'this run' | 'recorded' } | { name: string; missing: string };
  /** In the row's unit, or as a multiple of the peer. */
  least?: Target;
  aim?: Target;
  note?: string;
}

export type Unit = 'ms' | 's' | '/s' | 'MB' | 'MB/s' | 'ms CPU' | 'events/s' | 'pods/s' | 'µs';
export type Target = { value: number } | { times: number };

export function recorded(name: string, value: number): NonNullable<Row['peer']> {
  return { name, value, from: 'recorded' };
}

export function measured(name: string, value: number | undefined, debianPackage: string): NonNullable<Row['peer']> {
  return value === undefined ? { name, missing: debianPackage } : { name, value, from: 'this run' };
}

/** How many times better than the peer: 2 is twice as fast, or half as large. */
export function ratioOf({ value, better, peer }: Row): number | undefined {
  if (!peer || 'missing' in peer) return undefined;
  return better === 'more' ? value / peer.value : peer.value / value;
}

function reached(row: Row, target: Target | undefined): boolean | undefined {
  if (!target) return undefined;
  if ('value' in target) return row.better === 'more' ? row.value >= target.value : row.value <= target.value;
  const ratio = ratioOf(row);
  return ratio === undefined ? undefined : ratio >= target.times;
}

function verdict(row: Row): string {
  if (reached(row, row.aim)) return 'aim reached';
  const least = reached(row, row.least);
  return least === undefined ? '' : least ? 'reached' : 'NOT REACHED';
}

const shown = (value: number, unit: Unit) => `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })} ${unit}`;
const target = (row: Row, of: Target | undefined) => (of === undefined ? '' : 'value' in of ? shown(of.value, row.unit) : `${of.times.toLocaleString('en', { maximumFractionDigits: 2 })} ×`);

function peerOf({ peer, unit }: Row): string {
  if (!peer) return '';
  return 'missing' in peer ? `${peer.name}: missing (Debian package ${peer.missing})` : `${peer.name} ${shown(peer.value, unit)}${peer.from === 'recorded' ? ' (recorded)' : ''}`;
}

export function printTable(rows: readonly Row[], out: (line: string) => void = console.log): void {
  const lines = [
    ['', 'Slipway', 'ratio', 'beside', 'at least', 'aim', ''],
    ...rows.map((row) => {
      const ratio = ratioOf(row);
      return [row.what, shown(row.value, row.unit), ratio === undefined ? '' : `${ratio.toFixed(2)} ×`, peerOf(row), target(row, row.least), target(row, row.aim), [verdict(row), row.note].filter(Boolean).join('; ')];
    }),
  ];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const numbers = new Set([1, 2, 4, 5]);
  for (const line of lines) out(line.map((cell, column) => (numbers.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('   ').trimEnd());
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
