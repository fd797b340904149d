import { major, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import server from './server.txt';
import usage from './usage.sh';

export const staticFiles: HostBuilder = {
  name: 'static',
  displayName: 'Static files',
  description: 'Serve a folder of static files.',
  icon: 'icon-nginx',
  supports: 'static,html',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage, 'server.js': server }),
  programs: ({ program }) => ({ node: program }),
  env: () => ({ PATH: '/opt/s2i/bin' }),
  tag: major,
  virtualEnvironment: false,
};
