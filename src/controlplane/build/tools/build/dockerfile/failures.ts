/** How a Dockerfile build ends badly. */
import { BuildFailure } from '../failure.ts';
import type { RunResult } from '../run.ts';

export const dockerBuildFailed = (why: string, options?: ErrorOptions) => new BuildFailure('DockerBuildFailed', `Docker build strategy failed: ${why}`, options);

export const manageDockerfileFailed = (why: string) => new BuildFailure('ManageDockerfileFailed', `The Dockerfile cannot be used: ${why}`);

export const pullImageFailed = (name: string, why: string) => new BuildFailure('PullBuilderImageFailed', `Failed to pull the image ${name}: ${why}`);

export const noNamespaces = (instruction: string) =>
  dockerBuildFailed(`${instruction} needs user namespaces, and builds run as plain processes here. Start with --runtime sandbox on Linux ("slipway doctor" tells what this machine lacks), or with --runtime engine; a Dockerfile without RUN is built anywhere.`);

/** What programs say that want to be, or give files to, somebody who does not exist in the build's namespaces. */
const manyUsers = /\b(?:chown|chgrp|lchown|fchown\w*|setgroups|set\w*[ug]id|initgroups|install|useradd|adduser|groupadd|addgroup|su|sudo|dpkg|rpm|cpio|tar|apt\w*|E)\b.*(?:invalid argument|operation not permitted|EINVAL|EPERM)|cannot change owner|unable to set ownership|can't set group id|(?:invalid argument|operation not permitted).*\b(?:chown|set\w*[ug]id)/i;

/** `several`: the command had several users, so that is not what it failed of. */
export function runFailed(shown: string, { code, signal, tail }: RunResult, several = false): BuildFailure {
  const ended = signal ? `it was ended by ${signal}` : `exit code ${code}`;
  const why = several ? undefined : tail.find((line) => manyUsers.test(line));
  if (why === undefined) return dockerBuildFailed(`${shown}: ${ended}.`);
  return dockerBuildFailed(
    `${shown}: ${ended} ("${why.trim().slice(0, 160)}"). It becomes another user or gives files away, and a build on this machine has a single user id. ` +
      'Let this machine give builds several: install newuidmap (package uidmap), add ranges for the user (sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"), and start anew (slipway down, slipway up). Or give files their owner with COPY --chown, give group 0 the rights an application needs (chgrp -R 0 DIR && chmod -R g=u DIR), let apt stay root (apt-get -o APT::Sandbox::User=root …), or build with a container engine (slipway up --runtime engine).',
  );
}
