/** Which folder of this machine a build config is built from: noted when its app was made or a build was started here. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { BuildConfig } from '../../api/kinds/build.ts';
import type { Session } from '../connections/session.ts';
import { isWorkTreeOf } from './git-remotes.ts';

const memory = 'slipway.sources';
/** Where the extension notes it on the build config too, for other windows on this machine. */
export const folderAnnotation = 'slipway.dev/source-folder';
/** Apps remembered at the most; the oldest are forgotten. */
const most = 500;

interface Named {
  namespace: string;
  name: string;
}

export class SourceFolders {
  readonly #session: Pick<Session, 'cluster'>;
  readonly #memento: vscode.Memento;

  constructor(session: Pick<Session, 'cluster'>, memento: vscode.Memento) {
    this.#session = session;
    this.#memento = memento;
  }

  async note(of: Named, folder: string): Promise<void> {
    const { [this.key(of)]: _, ...rest } = this.#memento.get<Record<string, string>>(memory) ?? {};
    await this.#memento.update(memory, Object.fromEntries([...Object.entries(rest).slice(1 - most), [this.key(of), folder]]));
  }

  /** The folder noted, if it is still there. */
  noted(of: Named): string | undefined {
    const folder = this.#memento.get<Record<string, string>>(memory)?.[this.key(of)];
    return folder && path.isAbsolute(folder) && existsSync(folder) ? folder : undefined;
  }

  /** The top of the source: noted, told by the build config, or an open folder that is a work tree of its repository. */
  folderOf({ metadata, spec }: BuildConfig): string | undefined {
    const noted = this.noted({ namespace: metadata.namespace ?? '', name: metadata.name });
    const told = metadata.annotations?.[folderAnnotation];
    if (noted) return noted;
    if (told && path.isAbsolute(told) && existsSync(told)) return told;
    const uri = spec.source?.git?.uri;
    return uri === undefined ? undefined : openFolders().find((folder) => isWorkTreeOf(folder, uri));
  }

  /** What a build config is remembered under, across clusters. */
  key({ namespace, name }: Named): string {
    return `${this.#session.cluster}/${namespace}/${name}`;
  }
}

/** Folders of the workspace that lie on this machine. */
export function openFolders(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath);
}
