import { dirname, join } from 'node:path';
import { major, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const java: HostBuilder = {
  name: 'java',
  displayName: 'Java',
  description: "Build and run Java applications with this machine's own JDK, and Maven or Gradle.",
  icon: 'icon-openjdk',
  supports: 'java,jee',
  sampleRepo: 'https://github.com/jboss-openshift/openshift-quickstarts',
  sampleContextDir: 'undertow-servlet',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage }),
  programs: ({ program, programs }) => ({ ...Object.fromEntries(['java', 'javac', 'jar'].map((name) => [name, join(dirname(program), name)])), ...programs }),
  env: (toolchain) => ({ PATH: pathOf(toolchain), JAVA_HOME: dirname(dirname(toolchain.program)), JAVA_VERSION: major(toolchain.version) }),
  tag: major,
  virtualEnvironment: false,
};
