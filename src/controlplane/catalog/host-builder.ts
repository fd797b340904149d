/** The builders that stand on this machine's own toolchains: what each puts into its image. */
import type { FoundToolchain } from '../../detect/search.ts';
import nodeAssemble from './builders/nodejs/assemble.sh';
import nodeRun from './builders/nodejs/run.sh';
import nodeSaveArtifacts from './builders/nodejs/save-artifacts.sh';
import nodeStartCommand from './builders/nodejs/start-command.txt';
import nodeUsage from './builders/nodejs/usage.sh';
import pythonAssemble from './builders/python/assemble.sh';
import pythonRun from './builders/python/run.sh';
import pythonSaveArtifacts from './builders/python/save-artifacts.sh';
import pythonUsage from './builders/python/usage.sh';
import staticAssemble from './builders/static/assemble.sh';
import staticRun from './builders/static/run.sh';
import staticSaveArtifacts from './builders/static/save-artifacts.sh';
import staticServer from './builders/static/server.txt';
import staticUsage from './builders/static/usage.sh';

export interface HostBuilder {
  /** Image stream in project `openshift`, and the toolchain's builder name. */
  name: string;
  displayName: string;
  description: string;
  icon: string;
  /** Names of languages that lead here (`supports` of `oc new-app`). */
  supports: string;
  /** Files in `/opt/s2i`, all executable. */
  scripts: Record<string, string>;
  /** Links in `/opt/s2i/bin`, by name. */
  programs(toolchain: FoundToolchain): Record<string, string>;
  env(toolchain: FoundToolchain): Record<string, string>;
  /** Tag beside `latest`, e.g. `22`, `3.11`. */
  tag(version: string): string;
  /** Puts a virtual environment at `/opt/app-root`. */
  virtualEnvironment: boolean;
}

const major = (version: string) => version.split('.')[0] ?? version;
const minor = (version: string) => version.split('.').slice(0, 2).join('.');
const nodePrograms = ({ program, programs }: FoundToolchain): Record<string, string> => ({
  node: program,
  ...(programs.npm && { npm: programs.npm, npx: programs.npm.replace(/npm-cli\.js$/, 'npx-cli.js') }),
});

export const hostBuilders: readonly HostBuilder[] = [
  {
    name: 'nodejs',
    displayName: 'Node.js',
    description: "Build and run Node.js applications with this machine's own Node.js.",
    icon: 'icon-nodejs',
    supports: 'nodejs',
    scripts: { assemble: nodeAssemble, run: nodeRun, 'save-artifacts': nodeSaveArtifacts, usage: nodeUsage, 'start-command.js': nodeStartCommand },
    programs: nodePrograms,
    env: ({ version }) => ({ PATH: '/opt/app-root/src/node_modules/.bin:/opt/s2i/bin', NODEJS_VERSION: major(version) }),
    tag: major,
    virtualEnvironment: false,
  },
  {
    name: 'python',
    displayName: 'Python',
    description: "Build and run Python applications with this machine's own Python 3.",
    icon: 'icon-python',
    supports: 'python',
    scripts: { assemble: pythonAssemble, run: pythonRun, 'save-artifacts': pythonSaveArtifacts, usage: pythonUsage },
    programs: ({ program }) => ({ python3: program, python: program }),
    env: ({ version }) => ({ PATH: '/opt/app-root/bin:/opt/s2i/bin', VIRTUAL_ENV: '/opt/app-root', PYTHON_VERSION: minor(version), PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'UTF-8', LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8' }),
    tag: minor,
    virtualEnvironment: true,
  },
  {
    name: 'static',
    displayName: 'Static files',
    description: 'Serve a folder of static files.',
    icon: 'icon-nginx',
    supports: 'static,html',
    scripts: { assemble: staticAssemble, run: staticRun, 'save-artifacts': staticSaveArtifacts, usage: staticUsage, 'server.js': staticServer },
    programs: ({ program }) => ({ node: program }),
    env: () => ({ PATH: '/opt/s2i/bin' }),
    tag: major,
    virtualEnvironment: false,
  },
];
