/** The Image object that stands for a manifest. */
import type { DockerImageMetadata, Image } from '../../api/kinds/image.ts';
import { parseConfig, type ImageConfig, type ParsedManifest } from '../../oci/manifest.ts';

export type ImageSource = ParsedManifest & { digest: string; bytes: Buffer; config?: Buffer };

/** A larger configuration document is left to the registry: objects are held in memory. */
const largestConfig = 64 * 1024;

/** `managed`: its content is in our registry. */
export function imageOf(source: ImageSource, dockerImageReference: string, managed: boolean): Image {
  const image: Image = {
    apiVersion: 'image.openshift.io/v1',
    kind: 'Image',
    metadata: {
      name: source.digest,
      annotations: {
        ...(source.kind === 'image' && { 'image.openshift.io/dockerLayersOrder': 'ascending' }),
        ...(managed && { 'image.openshift.io/manifestBlobStored': 'true', 'openshift.io/image.managed': 'true' }),
      },
    },
    dockerImageReference,
    dockerImageManifestMediaType: source.mediaType,
    dockerImageMetadataVersion: '1.0',
  };
  if (source.kind === 'index') {
    image.dockerImageManifests = source.manifest.manifests.map(({ digest, mediaType, size, platform }) => ({
      digest, mediaType, manifestSize: size, architecture: platform?.architecture ?? '', os: platform?.os ?? '', ...(platform?.variant && { variant: platform.variant }),
    }));
    image.dockerImageMetadata = { kind: 'DockerImage', apiVersion: 'image.openshift.io/1.0', Id: source.digest };
    return image;
  }
  const { config, layers } = source.manifest;
  // Its history says which instruction made which layer.
  if (source.config && source.config.length <= largestConfig) image.dockerImageConfig = source.config.toString('utf8');
  image.dockerImageLayers = layers.map(({ digest, size, mediaType }) => ({ name: digest, size, mediaType }));
  image.dockerImageMetadata = metadataOf(readConfig(source.config), config.digest, config.size + layers.reduce((sum, { size }) => sum + size, 0));
  return image;
}

/** Artifacts have configurations of other kinds; they are images without metadata. */
function readConfig(bytes: Buffer | undefined): ImageConfig | undefined {
  try {
    return bytes && parseConfig(bytes);
  } catch {
    return undefined;
  }
}

function metadataOf(config: ImageConfig | undefined, id: string, size: number): DockerImageMetadata {
  const { User, Env, Entrypoint, Cmd, WorkingDir, ExposedPorts, Labels, Volumes, OnBuild, StopSignal } = config?.config ?? {};
  return {
    kind: 'DockerImage',
    apiVersion: 'image.openshift.io/1.0',
    Id: id,
    Size: size,
    ...(config?.created && { Created: config.created }),
    ...(config?.author && { Author: config.author }),
    ...(config?.architecture && { Architecture: config.architecture }),
    Config: {
      ...(User && { User }),
      ...(Env && { Env }),
      ...(Entrypoint && { Entrypoint }),
      ...(Cmd && { Cmd }),
      ...(WorkingDir && { WorkingDir }),
      ...(ExposedPorts && { ExposedPorts }),
      ...(Labels && { Labels }),
      ...(Volumes && { Volumes }),
      ...(OnBuild && { OnBuild }),
      ...(StopSignal && { StopSignal }),
    },
  };
}
