import { minor, pathOf, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import httpd from './httpd.sh';
import mimeTypes from './mime-types.txt';
import router from './router.txt';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const php: HostBuilder = {
  name: 'php',
  displayName: 'PHP',
  description: "Build and run PHP applications with this machine's own PHP.",
  icon: 'icon-php',
  supports: 'php',
  sampleRepo: 'https://github.com/sclorg/cakephp-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage, 'httpd.sh': httpd, 'router.php': router, 'mime.types': mimeTypes }),
  programs: ({ program, programs }) => ({ php: program, ...programs }),
  env: (toolchain) => ({ PATH: pathOf(toolchain, '/opt/app-root/src/vendor/bin'), PHP_VERSION: minor(toolchain.version) }),
  tag: minor,
  virtualEnvironment: false,
};
