import { major, withCommon, type HostBuilder } from '../../host-builder.ts';
import assemble from './assemble.sh';
import plan from './plan.txt';
import run from './run.sh';
import saveArtifacts from './save-artifacts.sh';
import usage from './usage.sh';

export const nodejs: HostBuilder = {
  name: 'nodejs',
  displayName: 'Node.js',
  description: "Build and run Node.js applications with this machine's own Node.js.",
  icon: 'icon-nodejs',
  supports: 'nodejs',
  sampleRepo: 'https://github.com/sclorg/nodejs-ex.git',
  scripts: withCommon({ assemble, run, 'save-artifacts': saveArtifacts, usage, 'plan.js': plan }),
  programs: ({ program, programs }) => ({ node: program, ...(programs.npm && { npm: programs.npm, npx: programs.npm.replace(/npm-cli\.js$/, 'npx-cli.js') }) }),
  env: ({ version }) => ({ PATH: '/opt/app-root/src/node_modules/.bin:/opt/s2i/bin', NODEJS_VERSION: major(version) }),
  tag: major,
  virtualEnvironment: false,
};
