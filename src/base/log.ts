/** Severity, lowest first. */
export type Level = 'debug' | 'info' | 'warn' | 'error';

export type Fields = Record<string, unknown>;

/** A structured log. Texts are constant; what varies goes into fields. Never hand it a secret. */
export interface Log {
  debug(text: string, fields?: Fields): void;
  info(text: string, fields?: Fields): void;
  warn(text: string, fields?: Fields): void;
  error(text: string, fields?: Fields): void;
  /** The same log with a component name added to each line. */
  child(component: string): Log;
}

const order: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes one JSON object a line: `{"time","level","component","text",...fields}`. */
export function jsonLog(write: (line: string) => void, lowest: Level = 'info', component = 'slipway'): Log {
  const at = (level: Level) => (text: string, fields?: Fields) => {
    if (order[level] < order[lowest]) return;
    write(JSON.stringify({ time: new Date().toISOString(), level, component, text, ...flatten(fields) }));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (name) => jsonLog(write, lowest, `${component}.${name}`),
  };
}

/** A log that goes nowhere, for tests of parts that merely need one. */
export const silentLog: Log = jsonLog(() => undefined, 'error');

function flatten(fields: Fields | undefined): Fields | undefined {
  if (!fields) return undefined;
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]));
}
