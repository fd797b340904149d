/** `/version`. kubectl's dispatcher picks its own version by the minor; ours is the one whose API we serve. */
export interface VersionInfo {
  major: string;
  minor: string;
  gitVersion: string;
  gitCommit: string;
  gitTreeState: string;
  buildDate: string;
  goVersion: string;
  compiler: string;
  platform: string;
}

const served = { major: '1', minor: '32', patch: '4' };

export function versionInfo(): VersionInfo {
  const { major, minor, patch } = served;
  return {
    major,
    minor,
    gitVersion: `v${major}.${minor}.${patch}+slipway`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `${process.platform === 'win32' ? 'windows' : process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
