/** A commit of a local Git repository as a build's input. Needs the program `git`. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { UserError } from './failure.ts';

export interface RepositoryCommit {
  commit: string;
  message: string;
  author: { name: string; email: string };
  committer: { name: string; email: string };
}

/** `ref`: a commit, branch or tag. */
export async function readCommit(folder: string, ref: string): Promise<RepositoryCommit> {
  if (ref.startsWith('-')) throw new UserError(`"${ref}" is no commit.`, 2);
  const text = await output(folder, ['log', '-1', '--no-show-signature', '--format=%H%x00%an%x00%ae%x00%cn%x00%ce%x00%s', ref, '--'], `"${folder}" has no commit "${ref}"`);
  const [commit = '', name = '', email = '', committerName = '', committerEmail = '', message = ''] = text.trimEnd().split('\0');
  return { commit, message, author: { name, email }, committer: { name: committerName, email: committerEmail } };
}

/** The files of the commit as a tar. Fails while it is read if git does. */
export function archiveCommit(folder: string, commit: string): Readable {
  const child = spawn('git', ['-C', folder, 'archive', '--format=tar', commit], { stdio: ['ignore', 'pipe', 'pipe'] });
  let why = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (why = (why + text).slice(-2000)));
  child.on('error', (error) => child.stdout.destroy(missingGit(error)));
  child.on('exit', (code) => {
    if (code !== 0) child.stdout.destroy(new UserError(`git could not archive ${commit}: ${why.trim()}`));
  });
  child.stdout.once('close', () => child.kill());
  return child.stdout;
}

function output(folder: string, args: readonly string[], otherwise: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', ['-C', folder, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let why = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (why = (why + chunk).slice(-2000)));
    child.on('error', (error) => reject(missingGit(error)));
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new UserError(`${otherwise}: ${why.trim()}`))));
  });
}

function missingGit(error: NodeJS.ErrnoException): Error {
  return error.code === 'ENOENT' ? new UserError('The program "git" is needed for --from-repo and is not on this machine. Install it, or use --from-dir.') : error;
}
