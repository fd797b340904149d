/** `resource.Quantity`: exact fixed-point numbers with a suffix (`250m`, `1Gi`, `2e3`), in steps of 10⁻⁹ as the real server keeps them. */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  /** The value times 10⁹. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

/** What the real server's decoder accepts before it parses (its error text shows this expression). */
export const quantityPattern = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

const exact = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][-+]?\d+)?$/;
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const scale = 1_000_000_000n;
/** Characters. Megabytes of digits would keep the server busy for seconds. */
export const longestQuantity = 1024;

class QuantityError extends Error {
  constructor() {
    super(`quantities must match the regular expression '${quantityPattern.source}'`);
    this.name = 'QuantityError';
  }
}

export function parseQuantity(text: string): Quantity {
  const match = text.length <= longestQuantity ? exact.exec(text) : null;
  if (!match) throw new QuantityError();
  const [, sign, whole = '', after = '', only, suffix = ''] = match;
  const fraction = only ?? after;
  let numerator = BigInt(whole + fraction || '0') * scale;
  let denominator = 10n ** BigInt(fraction.length);
  let format: QuantityFormat = 'DecimalSI';
  if (suffix.length > 1 && suffix.endsWith('i')) {
    format = 'BinarySI';
    numerator *= 1024n ** BigInt(binary.indexOf(suffix));
  } else if (/^[eE]./.test(suffix)) {
    format = 'DecimalExponent';
    const exponent = Math.max(-30, Math.min(30, Number(suffix.slice(1))));
    if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
    else denominator *= 10n ** BigInt(-exponent);
  } else {
    const exponent = (decimal.indexOf(suffix) - 3) * 3;
    if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
    else denominator *= 10n ** BigInt(-exponent);
  }
  // Rounded away from zero: less than asked for is never granted.
  const nano = (numerator + denominator - 1n) / denominator;
  return { nano: sign === '-' ? -nano : nano, format };
}

/** The canonical form: no fraction, the largest suffix that keeps it exact. */
function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const magnitude = nano < 0n ? -nano : nano;
  const sign = nano < 0n ? '-' : '';
  if (format === 'BinarySI' && magnitude >= 1024n * scale && magnitude % scale === 0n) {
    let value = magnitude / scale;
    let power = 0;
    while (power < binary.length - 1 && value % 1024n === 0n) {
      value /= 1024n;
      power++;
    }
    return `${sign}${value}${binary[power]}`;
  }
  let value = magnitude;
  let step = 0;
  while (step < decimal.length - 1 && value % 1000n === 0n) {
    value /= 1000n;
    step++;
  }
  if (format !== 'DecimalExponent') return `${sign}${value}${decimal[step]}`;
  const exponent = (step - 3) * 3;
  return exponent === 0 ? `${sign}${value}` : `${sign}${value}e${exponent}`;
}

const canonical = new Map<string, string>();

/** The form the real server answers with: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`. */
export function canonicalQuantity(text: string): string {
  const known = canonical.get(text);
  if (known !== undefined) return known;
  const made = formatQuantity(parseQuantity(text));
  // A cluster uses few distinct texts; past the bound the memory is simply started anew.
  if (canonical.size >= 1024) canonical.clear();
  canonical.set(text, made);
  return made;
}

/** Whole bytes in the largest binary unit that keeps them exact: `104857600` is `100Mi`. */
export function bytesText(bytes: number): string {
  return formatQuantity({ nano: BigInt(Math.trunc(bytes)) * scale, format: 'BinarySI' });
}

/** The value as a number, exact up to 2⁵³; 0 for an absent quantity. */
export function quantityOf(text: string | number | undefined): number {
  if (text === undefined) return 0;
  const { nano } = parseQuantity(String(text));
  return Number(nano / scale) + Number(nano % scale) / 1e9;
}

/** Thousandths, rounded up: CPU time as the scheduler counts it; 0 for an absent quantity. */
export function milliOf(text: string | number | undefined): number {
  if (text === undefined) return 0;
  const { nano } = parseQuantity(String(text));
  const step = 1_000_000n;
  return Number(nano > 0n ? (nano + step - 1n) / step : nano / step);
}
