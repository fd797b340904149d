import * as vscode from 'vscode';
import { builds } from '../../api/kinds/build.ts';
import { isStatusError } from '../../api/status.ts';
import { progressMark } from '../../protocol/build-progress.ts';
import type { Session } from '../connections/session.ts';
import { stepTitle } from '../panels/build-texts.ts';
import { parseBuildReportUri } from './build-report-uri.ts';
import { sameCluster } from './object-reader.ts';
import { ReadOnlyFiles } from './read-only-files.ts';

/** Lines of a log that are compared. */
const mostLines = 50_000;

/** Builds with their logs, to be compared. */
export class BuildReports extends ReadOnlyFiles {
  readonly #session: Session;

  constructor(session: Session) {
    super();
    this.#session = session;
  }

  protected override async text(uri: vscode.Uri): Promise<string> {
    const address = parseBuildReportUri(uri);
    if (!address) throw vscode.FileSystemError.FileNotFound(uri);
    const { cluster, namespace, name, against } = address;
    await sameCluster(this.#session, cluster);
    const { client } = this.#session;
    const [{ buildReport }, build, other, log] = await Promise.all([
      import('./build-report.ts'),
      client.get(builds, { namespace, name }).catch((error: unknown) => {
        throw isStatusError(error, 'NotFound') ? vscode.FileSystemError.FileNotFound(uri) : vscode.FileSystemError.Unavailable((error as Error).message);
      }),
      against ? client.get(builds, { namespace, name: against }).catch(() => undefined) : undefined,
      this.#log(namespace, name),
    ]);
    return buildReport(build, log, other, { t: vscode.l10n.t, step: stepTitle });
  }

  /** As far as there is one: a build that never got a pod has none. */
  async #log(namespace: string, build: string): Promise<string[]> {
    const lines: string[] = [];
    try {
      for await (const { text } of this.#session.connection?.logs({ namespace, build }, { follow: false }) ?? []) {
        if (!text.startsWith(progressMark)) lines.push(text);
        if (lines.length >= mostLines) break;
      }
    } catch (error) {
      lines.push((error as Error).message);
    }
    return lines;
  }
}
