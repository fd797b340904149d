/** Every way a build ends badly: OpenShift's reason, and a text that says what to do. */
import { withoutPassword } from '../../../../api/shown-url.ts';
import type { RunResult } from './run.ts';

export class BuildFailure extends Error {
  /** Goes into `status.reason` of the Build. */
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BuildFailure';
    this.reason = reason;
  }
}

export const cancelled = () => new BuildFailure('CancelledBuild', 'The build was cancelled by the user.');

export const fetchFailed = (why: string) => new BuildFailure('FetchSourceFailed', `Failed to fetch the input source: ${why}`);

export const passwordNeeded = (uri: string, hasSecret: boolean) =>
  fetchFailed(
    hasSecret
      ? `${uri} refused the credentials of the source secret; check its "username" and "password" (or "ssh-privatekey").`
      : `${uri} asks for a password. Make a secret (kubectl create secret generic NAME --type=kubernetes.io/basic-auth --from-literal=username=… --from-literal=password=…) and name it in spec.source.sourceSecret of the build config. If the repository should be public, check its address.`,
  );

export const invalidContextDirectory = (directory: string) =>
  new BuildFailure('InvalidContextDirectory', `The supplied context directory "${directory}" does not exist in the source; check spec.source.contextDir.`);

export const pullBuilderFailed = (reference: string, why: string) =>
  new BuildFailure('PullBuilderImageFailed', `Failed to pull the builder image ${reference}: ${why}`);

export const imageUserUnknown = (why: string) =>
  new BuildFailure('PullBuilderImageFailed', `The builder image cannot be used: its ${why}. Make the user in its Dockerfile, or name a number (USER 1001).`);

export const scriptsMissing = (missing: readonly string[], looked: readonly string[]) =>
  new BuildFailure('InstallScriptsFailed', `No "${missing.join('" and "')}" script was found for this build (looked in ${looked.join(', ')}). Choose a builder image made for Source-to-Image, or add .s2i/bin/${missing[0] ?? 'assemble'} to the source.`);

export const scriptsNotFetched = (url: string, why: string) => new BuildFailure('FetchScriptsFailed', `The scripts at ${withoutPassword(url)} could not be fetched: ${why}`);

/** `hint`: what probably is the matter, and what helps. */
export const assembleFailed = (result: RunResult, hint?: string) =>
  new BuildFailure('AssembleFailed', `Assemble script failed: ${howItEnded(result)}.${hint === undefined ? '' : ` ${hint}`}`);

export const assembleUserForbidden = (reference: string, user: string, allowed: string) =>
  new BuildFailure('AssembleUserForbidden', `Assemble user for S2I build is forbidden: the builder image ${reference} must specify a user that is numeric and within the range of allowed users (${allowed}), but it has ${user === '' ? 'none, which means root' : `"${user}"`}. Give it a line such as "USER 1001" in its Dockerfile, or the label io.openshift.s2i.assemble-user=1001.`);

export const onBuildForbidden = (reference: string, instructions: readonly string[]) =>
  new BuildFailure('OnBuildForbidden', `ONBUILD instructions are not allowed in a builder image of a Source build; ${reference} has ${instructions.length} ("ONBUILD ${instructions[0] ?? ''}"). Use the Docker strategy with a Dockerfile that starts FROM this image.`);

export const unresolvableVariable = (name: string, place: string) =>
  new BuildFailure('UnresolvableEnvironmentVariable', `Unable to resolve build environment variable reference. The variable ${name} refers to ${place}, which does not exist; make it, or mark the reference as optional.`);

export const imageContentFailed = (reference: string, why: string) => new BuildFailure('FetchImageContentFailed', `Failed to extract image content of ${reference}: ${why}`);

export const postCommitFailed = (result: RunResult) =>
  new BuildFailure('PostCommitHookFailed', `Build failed because of post commit hook: ${howItEnded(result)}.`);

export const commitFailed = (why: string) => new BuildFailure('ContainerCommitFailed', `Failed to make the image: ${why}`);

export const pushFailed = (reference: string, why: string) =>
  new BuildFailure('PushImageToRegistryFailed', `Failed to push the image to ${reference}: ${why}`);

export const hostImageElsewhere = (host: string) =>
  pushFailed(host, "the builder stands on this machine's own toolchain, so the image runs here only. Push to the internal registry, or build with a builder image that has a base layer.");

export const rootNeedsNamespaces = (reference: string) =>
  pullBuilderFailed(reference, 'it brings a root file system of its own, which needs user namespaces; here builds are plain processes. Choose a builder of project openshift, or start with --runtime sandbox ("slipway doctor" tells what this machine lacks).');

export const fileSystemFailed = (why: string) => new BuildFailure('FileSystemOperationFailed', why);

function howItEnded(result: RunResult): string {
  return result.signal ? `it was ended by ${result.signal}` : `exit code ${result.code}`;
}

/** What a thrown thing is, as a build failure. */
export function toFailure(error: unknown): BuildFailure {
  if (error instanceof BuildFailure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return fileSystemFailed('The disk is full; free some space and build again.');
  if (code === 'EDQUOT') return fileSystemFailed("The user's disk quota is used up; free some space and build again.");
  return new BuildFailure('GenericS2IBuildFailed', message || String(error), { cause: error });
}
