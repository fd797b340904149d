import { minor, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const python: HostBuilder = {
  name: 'python',
  displayName: 'Python',
  description: "Build and run Python applications with this machine's own Python 3.",
  icon: 'icon-python',
  supports: 'python',
  sampleRepo: 'https://github.com/sclorg/django-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage }),
  programs: ({ program }) => ({ python3: program, python: program }),
  env: ({ version }) => ({ PATH: '/opt/app-root/bin:/opt/s2i/bin', VIRTUAL_ENV: '/opt/app-root', PYTHON_VERSION: minor(version), PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'UTF-8', LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8' }),
  tag: minor,
  virtualEnvironment: true,
};
