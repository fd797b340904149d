import { minor, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const ruby: HostBuilder = {
  name: 'ruby',
  displayName: 'Ruby',
  description: "Build and run Ruby applications with this machine's own Ruby.",
  icon: 'icon-ruby',
  supports: 'ruby',
  sampleRepo: 'https://github.com/sclorg/ruby-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage }),
  programs: ({ program }) => ({ ruby: program }),
  env: (toolchain) => ({ PATH: pathOf(toolchain), RUBY_VERSION: minor(toolchain.version), LANG: 'C.UTF-8' }),
  tag: minor,
  virtualEnvironment: false,
};
