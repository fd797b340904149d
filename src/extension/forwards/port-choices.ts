/** Ports that can be forwarded, and the local ones proposed for them: pure. */
import type { Container, Service } from '../../api/kinds/core.ts';

export interface PortChoice {
  /** As it is shown and asked for. */
  port: number;
  /** How the container says it. */
  target: number | string;
  name?: string | undefined;
  /** Of several containers. */
  container?: string | undefined;
}

export function portsOfService({ spec }: Service): PortChoice[] {
  return (spec.ports ?? []).filter(isTcp).map(({ port, targetPort, name }) => ({ port, target: targetPort ?? port, name }));
}

export function portsOfContainers(containers: readonly Container[]): PortChoice[] {
  const several = containers.length > 1;
  return containers.flatMap((container) => (container.ports ?? []).filter(isTcp).map(({ containerPort, name }) => ({ port: containerPort, target: containerPort, name, ...(several && { container: container.name }) })));
}

/** The same number, where users may listen on it. */
export function proposedPort(port: number): number {
  return port < 1024 ? port + 8000 : port;
}

/** The text as a port that a user may listen on. */
export function portIn(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text.trim()) && port >= 1024 && port <= 65535 ? port : undefined;
}

function isTcp({ protocol }: { protocol?: string }): boolean {
  return (protocol ?? 'TCP') === 'TCP';
}
