/** The parts of the engine's answers that are read. */
import type { RunConfig } from '../../../oci/manifest.ts';

export interface EngineContainer {
  Id: string;
  Created: string;
  Image: string;
  State: { Status: string; Running: boolean; OOMKilled?: boolean; ExitCode: number; Error?: string; StartedAt?: string; FinishedAt?: string; Pid?: number };
  Config: { Labels?: Record<string, string> | null; Tty?: boolean };
  NetworkSettings?: { IPAddress?: string; Networks?: Record<string, { IPAddress?: string }> | null };
}

export interface ListedContainer {
  Id: string;
  State: string;
  Labels?: Record<string, string> | null;
}

export interface EngineImage {
  Id: string;
  Size?: number;
  RepoTags?: string[] | null;
  RepoDigests?: string[] | null;
  Config?: RunConfig | null;
  RootFS?: { Layers?: string[] };
}

export interface EngineNetwork {
  Id: string;
  Name: string;
  Labels?: Record<string, string> | null;
  IPAM?: { Config?: { Subnet?: string; Gateway?: string }[] | null };
}

export interface EngineEvent {
  Type?: string;
  Action?: string;
  status?: string;
  id?: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
}

export interface EngineStats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  memory_stats?: { usage?: number; stats?: Record<string, number> };
  pids_stats?: { current?: number };
  networks?: Record<string, { rx_bytes?: number; rx_errors?: number; tx_bytes?: number; tx_errors?: number }> | null;
}

/** Never: `0001-01-01T00:00:00Z`. */
export function engineTime(text: string | undefined): string | undefined {
  if (!text || text.startsWith('0001-')) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
