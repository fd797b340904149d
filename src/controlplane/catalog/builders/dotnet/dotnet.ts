import { dirname } from 'node:path';
import { minor, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import behaviour from './dotnet.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const dotnet: HostBuilder = {
  name: 'dotnet',
  displayName: '.NET',
  description: "Build and run .NET applications with this machine's own .NET SDK.",
  icon: 'icon-dotnet',
  supports: 'dotnet',
  sampleRepo: 'https://github.com/redhat-developer/s2i-dotnetcore-ex',
  sampleContextDir: 'app',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage, 'dotnet.sh': behaviour }),
  programs: ({ program }) => ({ dotnet: program }),
  env: (toolchain) => ({ PATH: pathOf(toolchain), DOTNET_ROOT: dirname(toolchain.program), DOTNET_SDK_VERSION: minor(toolchain.version) }),
  tag: minor,
  virtualEnvironment: false,
};
