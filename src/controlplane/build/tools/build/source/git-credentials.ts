/** The source secret of a build, turned into git's own settings (keys as in OpenShift's scmauth). Values never appear on a command line. */
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface GitAccess {
  env: NodeJS.ProcessEnv;
  /** For the implementation without git's program. */
  username?: string;
  password?: string;
  hasSecret: boolean;
}

export const remoteProtocols = 'git:http:https:ssh';

/** `secret`: folder with one file a key. `home`: a private folder, git's HOME. */
export async function gitAccess(secret: string | undefined, home: string, inherited: NodeJS.ProcessEnv): Promise<GitAccess> {
  const env: NodeJS.ProcessEnv = {
    ...inherited,
    HOME: home,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: `file:${remoteProtocols}`,
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
    LC_ALL: 'C',
  };
  const config: [string, string][] = [['safe.directory', '*'], ['advice.detachedHead', 'false'], ['init.defaultBranch', 'main']];
  if (secret === undefined) {
    await writeConfig(home, config);
    return { env, hasSecret: false };
  }
  const read = async (key: string) => (await readFile(join(secret, key), 'utf8').catch(() => undefined))?.replace(/\r?\n$/, '');
  const [username, password, token, authority, gitconfig, key, knownHosts] = await Promise.all(['username', 'password', 'token', 'ca.crt', '.gitconfig', 'ssh-privatekey', 'known_hosts'].map(read));
  const word = password ?? token;
  const access: GitAccess = { env, hasSecret: true, ...(username !== undefined && { username }), ...(word !== undefined && { password: word }) };
  if (word !== undefined) {
    const askpass = join(home, 'askpass');
    await writeFile(askpass, '#!/bin/sh\ncase "$1" in Username*) printf %s "$SLIPWAY_GIT_USERNAME";; *) printf %s "$SLIPWAY_GIT_PASSWORD";; esac\n', { mode: 0o700 });
    Object.assign(env, { GIT_ASKPASS: askpass, SLIPWAY_GIT_USERNAME: username ?? 'builder', SLIPWAY_GIT_PASSWORD: word });
  }
  if (authority !== undefined) config.push(['http.sslCAInfo', join(secret, 'ca.crt')]);
  if (gitconfig !== undefined) config.push(['include.path', join(secret, '.gitconfig')]);
  if (key !== undefined) {
    const file = join(home, 'ssh-privatekey');
    await copyFile(join(secret, 'ssh-privatekey'), file);
    // ssh refuses keys that others could read.
    await chmod(file, 0o600);
    const hosts = knownHosts === undefined ? '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null' : `-o StrictHostKeyChecking=yes -o UserKnownHostsFile='${join(secret, 'known_hosts')}'`;
    env.GIT_SSH_COMMAND = `ssh -o BatchMode=yes -o IdentitiesOnly=yes -i '${file}' ${hosts}`;
  }
  await writeConfig(home, config);
  return access;
}

/** In a file: git does not hand settings of its environment on to the programs it starts for local repositories. */
async function writeConfig(home: string, config: readonly [string, string][]): Promise<void> {
  const lines = config.map(([key, value]) => {
    const dot = key.indexOf('.');
    return `[${key.slice(0, dot)}]\n\t${key.slice(dot + 1)} = "${value.replace(/["\\]/g, '\\$&')}"\n`;
  });
  await writeFile(join(home, '.gitconfig'), lines.join(''), { mode: 0o600 });
}
