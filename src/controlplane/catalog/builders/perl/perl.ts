import { minor, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import server from './server.txt';
import usage from './usage.sh';

export const perl: HostBuilder = {
  name: 'perl',
  displayName: 'Perl',
  description: "Build and run Perl applications with this machine's own Perl.",
  icon: 'icon-perl',
  supports: 'perl',
  sampleRepo: 'https://github.com/sclorg/dancer-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage, 'server.pl': server }),
  programs: ({ program, programs }) => ({ perl: program, ...programs }),
  env: (toolchain) => ({ PATH: pathOf(toolchain), PERL_VERSION: minor(toolchain.version) }),
  tag: minor,
  virtualEnvironment: false,
};
