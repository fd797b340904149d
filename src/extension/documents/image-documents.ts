import * as vscode from 'vscode';
import { deployments } from '../../api/kinds/apps.ts';
import { buildConfigs } from '../../api/kinds/build.ts';
import { pods } from '../../api/kinds/core.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import { currentTags } from '../images/image-facts.ts';
import type { ImageReader } from '../images/image-reader.ts';
import { parseImageUri } from './image-uri.ts';
import { sameCluster } from './object-reader.ts';
import { ReadOnlyFiles } from './read-only-files.ts';

/** What an image is, what its layers hold, and who uses it now. */
export class ImageDocuments extends ReadOnlyFiles {
  readonly #session: Session;
  readonly #reader: ImageReader;

  constructor(session: Session, reader: ImageReader) {
    super();
    this.#session = session;
    this.#reader = reader;
  }

  protected override async text(uri: vscode.Uri): Promise<string> {
    const address = parseImageUri(uri);
    if (!address) throw vscode.FileSystemError.FileNotFound(uri);
    const { cluster, namespace, stream, digest } = address;
    await sameCluster(this.#session, cluster);
    try {
      const [{ imageReport }, { usersOf }, image, owner, ...users] = await Promise.all([
        import('./image-report.ts'), import('../images/image-users.ts'), this.#reader.read(address), this.#session.client.get(imageStreams, { namespace, name: stream }),
        this.#all(pods, namespace), this.#all(deploymentConfigs, namespace), this.#all(deployments, namespace), this.#all(buildConfigs, namespace),
      ]);
      const tags = currentTags(owner, digest);
      const [foundPods, foundConfigs, foundDeployments, foundBuildConfigs] = users;
      const found = usersOf({ namespace, stream, digest, tags }, { pods: foundPods, deploymentConfigs: foundConfigs, deployments: foundDeployments, buildConfigs: foundBuildConfigs });
      return imageReport({ image, stream, namespace, tags, users: found }, vscode.l10n.t);
    } catch (error) {
      throw vscode.FileSystemError.Unavailable((error as Error).message);
    }
  }

  /** What may not be listed uses nothing that one may know of. */
  async #all<T extends KubeObject>(of: Resource<T>, namespace: string): Promise<readonly T[]> {
    if (!this.#session.serves(of)) return [];
    return this.#session.client.list(of, { namespace }).then(({ items }) => items, () => []);
  }
}
