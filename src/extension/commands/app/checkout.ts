/** The repository that a user is choosing from, copied once for all steps that look into it. */
import * as vscode from 'vscode';
import { GitProbeError, probeGit, type GitProbe, type GitProblem } from '../../../detect/git-probe.ts';

export interface GitPlace {
  uri: string;
  ref?: string | undefined;
  contextDir?: string | undefined;
}

export class Checkout {
  #held: { key: string; probe: GitProbe } | undefined;

  /** The folder of the source. Rejects with a text that says what to do. */
  async folder({ uri, ref, contextDir }: GitPlace, signal?: AbortSignal): Promise<string> {
    const key = JSON.stringify([uri, ref ?? '', contextDir ?? '']);
    if (this.#held?.key !== key) {
      const probe = await probeGit(uri, { ref, contextDir, ...(signal && { signal }) });
      await this.dispose();
      this.#held = { key, probe };
    }
    return this.#held.probe.folder;
  }

  /** Why the place cannot be used, or nothing. */
  async refusal(place: GitPlace, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.folder(place, signal);
      return undefined;
    } catch (error) {
      if (error instanceof GitProbeError) return problemText(error, place);
      throw error;
    }
  }

  async dispose(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.probe.dispose();
  }
}

function problemText({ problem, message }: GitProbeError, { uri, ref = '', contextDir = '' }: GitPlace): string {
  const t = vscode.l10n.t;
  const shown = uri.replace(/^(\w+:\/\/)[^@/]*@/, '$1');
  const texts: Record<GitProblem, string> = {
    NoGit: t('Git is not installed. Install git, or use a folder as the source.'),
    NotFound: t('There is no Git repository at "{0}". Check the address.', shown),
    Unreachable: t('"{0}" cannot be reached. Check the address and the network.', shown),
    NeedsCredentials: t('"{0}" asks for a password. Use a public URL, or make a source secret and name it in the build config.', shown),
    NoSuchRef: t('The repository has no branch, tag or commit "{0}".', ref),
    NoSuchFolder: t('The repository has no folder "{0}".', contextDir),
    NotARepository: t('"{0}" is no Git repository. Check the address, or use a folder as the source.', shown),
    Unknown: message,
  };
  return texts[problem];
}
