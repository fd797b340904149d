import { minor, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const golang: HostBuilder = {
  name: 'golang',
  displayName: 'Go',
  description: "Build and run Go applications with this machine's own Go.",
  icon: 'icon-go-gopher',
  supports: 'golang,go',
  sampleRepo: 'https://github.com/sclorg/golang-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage }),
  programs: ({ program }) => ({ go: program }),
  env: (toolchain) => ({ PATH: pathOf(toolchain), GOLANG_VERSION: minor(toolchain.version) }),
  tag: minor,
  virtualEnvironment: false,
};
