/** `/healthz`, `/livez`, `/readyz`: plain `ok`, or each check with `?verbose`. */
import { plainText, type Answer } from '../answer.ts';

/** Throws, or returns a text, when something is not well. */
export type HealthCheck = () => string | undefined;

const roots: Record<string, string> = { '/healthz': 'healthz', '/livez': 'livez', '/readyz': 'readyz' };

export function health(checks: Readonly<Record<string, HealthCheck>>, path: string, query: URLSearchParams): Answer | undefined {
  const root = Object.keys(roots).find((one) => path === one || path.startsWith(`${one}/`));
  if (!root) return undefined;
  const single = path.slice(root.length + 1);
  const excluded = new Set(query.getAll('exclude'));
  const names = single ? [single] : Object.keys(checks).filter((name) => !excluded.has(name));
  if (single && !checks[single]) return undefined;
  const lines: string[] = [];
  let well = true;
  for (const name of names) {
    const problem = run(checks[name]);
    well &&= problem === undefined;
    lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`);
  }
  const title = roots[root] ?? '';
  if (!well) return plainText(500, `${lines.join('\n')}\n${title} check failed\n`);
  return plainText(200, query.has('verbose') ? `${lines.join('\n')}\n${title} check passed\n` : 'ok');
}

function run(check: HealthCheck | undefined): string | undefined {
  try {
    return check?.();
  } catch (error) {
    return (error as Error).message;
  }
}
