/** Ports by number or by name (IANA_SVC_NAME, RFC 6335 5.1). */

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

/** What is wrong with a port that a container is asked for by; undefined if nothing is. */
export function targetPortProblem(target: number | string): string | undefined {
  if (typeof target === 'number') return isPort(target) ? undefined : 'must be between 1 and 65535, inclusive';
  if (target.length > 15) return 'must be no more than 15 characters';
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(target)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  return /[a-z]/.test(target) ? undefined : 'must contain at least one letter (a-z)';
}
