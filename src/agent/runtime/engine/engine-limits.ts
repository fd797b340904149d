/** What an engine says of its own power over resources (`GET /info`). Pure. */
import type { Capabilities } from '../runtime.ts';

export interface EngineInfo {
  MemoryLimit?: boolean;
  /** Docker's spelling, and Podman's. */
  CpuCfsQuota?: boolean;
  CPUCfsQuota?: boolean;
  CgroupDriver?: string;
  CgroupVersion?: string;
  /** Docker: `name=rootless` among them. */
  SecurityOptions?: string[] | null;
  /** Podman. */
  Rootless?: boolean;
}

/** Without root, cgroups of version 1 are nobody's to give: such an engine takes a limit, and it means nothing (docs.docker.com, "Rootless mode: Limiting resources"; podman-run(1), "--memory"). */
export function engineLimits(info: EngineInfo): Pick<Capabilities, 'memoryLimit' | 'cpuLimit'> {
  const rootless = info.Rootless === true || (info.SecurityOptions ?? []).some((one) => one.split(',').includes('name=rootless'));
  const powerless = info.CgroupDriver === 'none' || (rootless && info.CgroupVersion === '1');
  const given = (flag: boolean | undefined) => (powerless || flag === false ? 'none' : 'cgroup');
  return { memoryLimit: given(info.MemoryLimit), cpuLimit: given(info.CpuCfsQuota ?? info.CPUCfsQuota) };
}
