/** A builder that stands on this machine's own toolchain: what it puts into its image and how it is shown. */
import { dirname } from 'node:path';
import type { FoundToolchain } from '../../detect/search.ts';
import common from './builders/common.sh';

export interface HostBuilder {
  /** Image stream in project `openshift`, and the toolchain's builder name. */
  name: string;
  displayName: string;
  description: string;
  icon: string;
  /** Names of languages that lead here (`supports` of `oc new-app`). */
  supports: string;
  /** A public repository to try it with. */
  sampleRepo?: string;
  sampleContextDir?: string;
  /** Files in `/opt/s2i`, all executable. */
  scripts: Record<string, string>;
  /** Links in `/opt/s2i/bin`, by name. */
  programs(toolchain: FoundToolchain): Record<string, string>;
  env(toolchain: FoundToolchain): Record<string, string>;
  /** Tag beside `latest`, e.g. `22`, `3.11`. */
  tag(version: string): string;
  /** Puts a virtual environment at `/opt/app-root`. */
  virtualEnvironment: boolean;
}

export const major = (version: string): string => version.split('.')[0] ?? version;
export const minor = (version: string): string => version.split('.').slice(0, 2).join('.');

/** Scripts of one builder, with what all of them read. */
export function withCommon(scripts: Record<string, string>): Record<string, string> {
  return { ...scripts, 'common.sh': common };
}

/** The image's links first, then the toolchain's own folder where the system's path does not name it. */
export function pathOf({ program }: FoundToolchain, ...before: string[]): string {
  const own = dirname(program);
  return [...before, '/opt/s2i/bin', ...(/^\/(usr\/(local\/)?)?s?bin$/.test(own) ? [] : [own])].join(':');
}
