/** A look into a Git repository before an application is made from it: a shallow copy, so that its builder can be detected. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withoutPassword } from '../api/shown-url.ts';
import type { Disposable } from '../base/disposable.ts';

export type GitProblem = 'NoGit' | 'NotFound' | 'Unreachable' | 'NeedsCredentials' | 'NoSuchRef' | 'NoSuchFolder' | 'NotARepository' | 'Unknown';

/** Why a repository cannot be used, and what to do. */
export class GitProbeError extends Error {
  readonly problem: GitProblem;
  constructor(problem: GitProblem, message: string) {
    super(message);
    this.name = 'GitProbeError';
    this.problem = problem;
  }
}

export interface GitProbe extends Disposable {
  /** The (context) folder, on this machine until disposed. */
  folder: string;
}

const timeoutMs = 120_000;
const gitUrl = /^(https?:\/\/|git:\/\/|ssh:\/\/|file:\/\/|[\w.-]+@[\w.-]+:)/;

export function isGitUrl(source: string): boolean {
  return gitUrl.test(source) || (/\.git\/?$/.test(source) && source.includes('://'));
}

/** Rejects with `GitProbeError`. No prompt is ever shown: a repository that asks for a password is told as such. */
export async function probeGit(asked: string, options: { ref?: string | undefined; contextDir?: string | undefined; signal?: AbortSignal } = {}): Promise<GitProbe> {
  // The name by which pods know this machine.
  const uri = asked.replace('//host.slipway.internal', '//127.0.0.1');
  const work = await mkdtemp(path.join(tmpdir(), 'slipway-source-'));
  const dispose = () => rm(work, { recursive: true, force: true });
  try {
    // A branch or tag first; a commit cannot be cloned by name, so it is fetched.
    const branch = options.ref ? ['--branch', options.ref] : [];
    const cloned = await git(['clone', '--quiet', '--depth', '1', ...branch, '--', uri, work], undefined, options.signal);
    if (cloned.code !== 0) {
      if (!options.ref || !/Remote branch .* not found/i.test(cloned.stderr)) throw problemOf(uri, options.ref, cloned.stderr);
      await fetchCommit(uri, options.ref, work, options.signal);
    }
    const folder = path.join(work, options.contextDir ?? '.');
    const inside = path.relative(work, folder);
    if (inside.startsWith('..') || path.isAbsolute(inside) || !(await stat(folder).catch(() => undefined))?.isDirectory()) {
      throw new GitProbeError('NoSuchFolder', `The repository has no folder "${options.contextDir}". Check the context directory.`);
    }
    return { folder, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function fetchCommit(uri: string, ref: string, work: string, signal?: AbortSignal): Promise<void> {
  for (const args of [['init', '--quiet', work], ['-C', work, 'fetch', '--quiet', '--depth', '1', '--', uri, ref], ['-C', work, 'checkout', '--quiet', 'FETCH_HEAD']]) {
    const result = await git(args, undefined, signal);
    if (result.code !== 0) throw new GitProbeError('NoSuchRef', `The repository has no branch, tag or commit "${ref}". Check the reference.`);
  }
}

function git(args: string[], cwd: string | undefined, signal?: AbortSignal): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'true', SSH_ASKPASS: 'true', GIT_SSH_COMMAND: 'ssh -o BatchMode=yes', LC_ALL: 'C' };
    execFile('git', args, { cwd, env: environment, timeout: timeoutMs, signal, maxBuffer: 1024 * 1024 }, (error, _stdout, stderr) => {
      if (!error) return resolve({ code: 0, stderr });
      if (signal?.aborted) return reject(signal.reason as Error);
      if (error.code === 'ENOENT' as unknown) return reject(new GitProbeError('NoGit', 'Git is not installed. Install git, or use a folder as the source.'));
      resolve({ code: typeof error.code === 'number' ? error.code : 1, stderr });
    });
  });
}

function problemOf(uri: string, ref: string | undefined, stderr: string): GitProbeError {
  const shown = withoutPassword(uri);
  const text = stderr.toLowerCase();
  if (/could not read username|could not read password|authentication failed|permission denied|terminal prompts disabled|http basic: access denied|invalid username/.test(text)) {
    return new GitProbeError('NeedsCredentials', `"${shown}" asks for a password. Make a source secret with "kubectl create secret generic NAME --type=kubernetes.io/basic-auth --from-literal=username=… --from-literal=password=…" and name it in the build config, or use a public URL.`);
  }
  if (/could not resolve host|connection refused|timed out|network is unreachable|failed to connect|unable to access/.test(text) && !/not found|404/.test(text)) {
    return new GitProbeError('Unreachable', `"${shown}" cannot be reached. Check the address and the network.`);
  }
  if (/remote branch .* not found/.test(text)) return new GitProbeError('NoSuchRef', `The repository has no branch or tag "${ref}". Check the reference.`);
  if (/not found|does not exist|404/.test(text)) return new GitProbeError('NotFound', `There is no Git repository at "${shown}". Check the address.`);
  if (/not a git repository|does not appear to be a git repository|not valid: is this a git repository/.test(text)) {
    return new GitProbeError('NotARepository', `"${shown}" is no Git repository. Check the address, or use a folder as the source.`);
  }
  return new GitProbeError('Unknown', `"${shown}" cannot be read: ${stderr.trim().split('\n').pop()?.replaceAll(uri, shown) ?? 'git failed'}`);
}
