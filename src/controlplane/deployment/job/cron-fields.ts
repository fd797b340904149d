/** The five fields of a cron schedule as Kubernetes reads them (github.com/robfig/cron/v3, `ParseStandard`): what it refuses is refused here in its words. Pure. */

interface Bounds {
  min: number;
  max: number;
  names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const bounds: readonly Bounds[] = [{ min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 }, { min: 1, max: 12, names: months }, { min: 0, max: 6, names: days }];

/** The fields with nothing but numbers, stars, ranges and steps over a range. Throws with what is wrong. */
export function plainFields(text: string): string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== bounds.length) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  return fields.map((field, at) => field.split(',').filter(Boolean).map((part) => plainRange(part, bounds[at] as Bounds)).join(',')).join(' ');
}

function plainRange(text: string, { min, max, names }: Bounds): string {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [first = '', last, ...moreRanges] = range.split('-');
  const all = first === '*' || first === '?';
  const start = all ? min : numberOf(first, names, min);
  if (moreRanges.length > 0) throw new Error(`too many hyphens: ${text}`);
  let end = all ? max : last === undefined ? start : numberOf(last, names, min);
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${text}`);
  const step = stepText === undefined ? undefined : numberOf(stepText);
  // `N/step` goes on to the greatest.
  if (step !== undefined && last === undefined) end = max;
  if (start < min) throw new Error(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw new Error(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  // A step beyond the range leaves its beginning.
  if (step !== undefined && step > end - start) return String(start);
  if (all) return step === undefined || step === 1 ? '*' : `*/${step}`;
  return `${start === end ? start : `${start}-${end}`}${step === undefined ? '' : `/${step}`}`;
}

/** `offset`: the number of the first name. */
function numberOf(text: string, names?: readonly string[], offset = 0): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + offset;
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing "${text}": invalid syntax`);
  if (Number(text) < 0) throw new Error(`negative number (${Number(text)}) not allowed: ${text}`);
  return Number(text);
}
