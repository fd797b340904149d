export interface Problem {
  /** As the program that complained names it. */
  file: string;
  /** From 1; 0: not told, see `needle`. */
  line: number;
  /** From 1. */
  column?: number;
  /** Stands in the line that is meant. */
  needle?: string;
  message: string;
  severity: 'error' | 'warning';
  /** Who complains: `tsc`, `python`. */
  source: string;
}
